# Weights, gradients and optimizer states of ViT-H and BERT shared out among the
# processes: _base_ = ['./stage2_image_vit-h.py', '../_base_/schedules/sharded_vit-h.py'].
# Names of the modules that are put together to run, as regular expressions.
sharded = [
    r'(visual_prompt_generator\.)?backbone\.layers\.\d+',
    r'prompt_generator\.text_encoder\.encoder\.layer\.\d+',
]
