# Ablation: trained with lists of names alone; evaluated by expressions too.
# python tools/train.py configs/uninext/ablations/stage2_shapes_categories_only.py
# Source: docs/ablations.md.
_base_ = './stage2_shapes_whole.py'
train_dataloader = dict(
    dataset=dict(sources=[_base_.train_dataloader.dataset.sources[0]])
)
