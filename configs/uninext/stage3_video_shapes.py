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
    ('vis',            8,  3, _base_.shapes_vis_train,  _base_.train_pipeline),
    ('coco',           6,  3, _base_.shapes_train,      _base_.train_pipeline),
    ('mot',            8,  3, _base_.shapes_mot_train,  _base_.train_pipeline),
    ('rvos',          11,  3, _base_.shapes_rvos_train, _base_.expression_train_pipeline),
    ('refcoco',       19,  3, _base_.shapes_refs_train, _base_.expression_train_pipeline),
    ('sot',            4,  5, _base_.shapes_sot_train,  _base_.box_target_train_pipeline),
    ('vos',           14,  5, _base_.shapes_vos_train,  _base_.target_train_pipeline),
    ('coco_sot',      10,  5, _base_.shapes_train,      _base_.target_train_pipeline),
    ('small_vos',     12, 12, _base_.shapes_vos_train,  _base_.small_target_train_pipeline),
    ('small_coco_sot', 8, 12, _base_.shapes_train,      _base_.small_target_train_pipeline),
]
# fmt: on
__sources = [
    dict(name=n, ratio=b * size, batch_size=size, dataset=dict(files, pipeline=pairs))
    for n, b, size, files, pairs in __table
]
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
optim_wrapper = dict(optimizer=dict(lr=4e-4))
__fall = dict(type='LinearLR', by_epoch=False, start_factor=1.0, end_factor=0.02)
param_scheduler = [_base_.pop('warm_up'), dict(__fall, begin=100, end=1900)]
train_cfg = dict(max_iters=1900)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
