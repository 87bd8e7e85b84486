# Ablations of stage 2 on the Shapes suite: the whole method, which the others change.
# python tools/train.py configs/uninext/ablations/stage2_shapes_whole.py
# All of them, two seeds each, and the table: tools/analysis_tools/ablations.py
# Source: docs/ablations.md.
_base_ = '../stage2_image_shapes.py'
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[500], gamma=0.1),
]
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
load_from = 'work_dirs/stage1_pretrain_shapes/iter_800.pth'
