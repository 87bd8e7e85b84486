# Stage 3 on the Shapes suite: all ten tasks; VIS, MOT, R-VOS, SOT and VOS as 1:1:1:1.
# python tools/train.py configs/uninext/stage3_video_shapes.py \
#     --cfg-options load_from=work_dirs/stage2_image_shapes/iter_2400.pth
# 1.7 s an iteration on one core of a busy machine: 1 hour. Metrics of all tasks:
# tools/analysis_tools/ten_tasks.py CHECKPOINT
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny_video.py',
    '../_base_/schedules/adamw_step_video.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/shapes.py',
    '../_base_/pipelines/shapes_clips.py',
]
# fmt: off
__table = [  # name, ratio, files, how pairs are made of them; an image twice is a video too
    ('vis',      0.50, _base_.shapes_vis_train,  _base_.train_pipeline),
    ('coco',     0.50, _base_.shapes_train,      _base_.train_pipeline),
    ('mot',      1.00, _base_.shapes_mot_train,  _base_.train_pipeline),
    ('rvos',     0.50, _base_.shapes_rvos_train, _base_.expression_train_pipeline),
    ('refcoco',  0.50, _base_.shapes_refs_train, _base_.expression_train_pipeline),
    ('sot',      0.34, _base_.shapes_sot_train,  _base_.box_target_train_pipeline),
    ('vos',      0.33, _base_.shapes_vos_train,  _base_.target_train_pipeline),
    ('coco_sot', 0.33, _base_.shapes_train,      _base_.target_train_pipeline),
]
# fmt: on
__sources = [
    dict(name=n, ratio=r, batch_size=2, dataset=dict(files, pipeline=pairs))
    for n, r, files, pairs in __table
]
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2000], gamma=0.1),
]
train_cfg = dict(max_iters=2400)
default_hooks = dict(checkpoint=dict(interval=400))
