# Stage 1: detection of Objects365; masks are learned from boxes alone (BoxInst).
# tools/dist_train.sh configs/uninext/stage1_pretrain.py 32
# 32 GPUs x 2 images, 341k iterations. Not trained here.
# Source: arXiv 2303.06674, Table 1 of the supplementary material.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_r50.py',
    '../_base_/models/masks_from_boxes.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/objects365v2.py',
    '../_base_/pipelines/images.py',
    '../_base_/pipelines/image_tests.py',
]
model = _base_.pop('masks_from_boxes')
__train = dict(_base_.objects365v2_train, pipeline=_base_.boxes_train_pipeline)
__val = dict(_base_.objects365v2_val, pipeline=_base_.boxes_test_pipeline)
__source = dict(name='objects365', dataset=__train, class_aware=True)
train_dataloader = dict(dataset=dict(sources=[__source]))
val_cfg = dict(type='ValLoop')
val_dataloader = dict(_base_.test_dataloader, dataset=__val)
val_evaluator = _base_.objects365v2_val_evaluator
test_dataloader, test_evaluator = val_dataloader, val_evaluator
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[312346], gamma=0.1)
]
train_cfg = dict(max_iters=340741, val_interval=340741)
