# Stage 3 on the Shapes suite: all ten tasks, on 2 CPU cores.
# tools/dist_train.sh configs/uninext/stage3_video_shapes.py 2 --amp \
#     --cfg-options load_from=CHECKPOINT_OF_STAGE_2
# All three stages, one after the other: tools/misc/train_shapes.sh OUT
# Metrics of all tasks: tools/analysis_tools/ten_tasks.py CHECKPOINT
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny_video.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/shapes.py',
    '../_base_/pipelines/shapes_clips.py',
]
# fmt: off
__table = [  # name, batches, batch size, files, how pairs are made; an image twice is a video too
    ('vis',      10, 3, _base_.shapes_vis_train,  _base_.train_pipeline),
    ('coco',      8, 3, _base_.shapes_train,      _base_.train_pipeline),
    ('mot',       8, 3, _base_.shapes_mot_train,  _base_.train_pipeline),
    ('rvos',     12, 4, _base_.shapes_rvos_train, _base_.expression_train_pipeline),
    ('refcoco',  20, 4, _base_.shapes_refs_train, _base_.expression_train_pipeline),
    ('sot',       4, 4, _base_.shapes_sot_train,  _base_.box_target_train_pipeline),
    ('vos',      20, 4, _base_.shapes_vos_train,  _base_.target_train_pipeline),
    ('coco_sot', 16, 4, _base_.shapes_train,      _base_.target_train_pipeline),
]
# fmt: on
__sources = [
    dict(name=n, ratio=b * size, batch_size=size, dataset=dict(files, pipeline=pairs))
    for n, b, size, files, pairs in __table
]
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
optim_wrapper = dict(optimizer=dict(lr=4e-4))
param_scheduler = [
    _base_.pop('warm_up'),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2300], gamma=0.1),
]
train_cfg = dict(max_iters=2800)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
