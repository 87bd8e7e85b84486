# Many words on the Shapes suite, 10th part: full size, boxes and masks too.
# tools/dist_train.sh configs/uninext/shapes_words/full_size.py 2 --amp
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = '../stage3_video_shapes.py'
load_from = 'work_dirs/both/iter_390.pth'
work_dir = 'work_dirs/full_size'
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='MultiStepLR', by_epoch=False, milestones=[200], gamma=0.1),
]
train_cfg = dict(max_iters=240)
default_hooks = dict(checkpoint=dict(interval=40), logger=dict(interval=20))
