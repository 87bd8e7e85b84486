# Stage 3 for a laptop: all video tasks from a few real videos and photographs.
# python tools/train.py configs/uninext/stage3_video_tiny.py \
#     --cfg-options load_from=work_dirs/stage2_image_tiny/iter_2000.pth
# Data: tools/dataset_converters/tiny_video.py, coco_subset.py. Metrics: docs/video.md.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny_video.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/tiny_video.py',
    '../_base_/pipelines/tiny_clips.py',
]
# fmt: off
__table = [  # name, ratio, files, how pairs are made of them
    ('sot',  0.5, _base_.tiny_video_sot_train,  _base_.box_target_train_pipeline),
    ('vos',  0.5, _base_.tiny_video_vos_train,  _base_.target_train_pipeline),
    ('mot',  1.0, _base_.tiny_video_mot_train,  _base_.train_pipeline),
    ('vis',  0.5, _base_.tiny_video_vis_train,  _base_.train_pipeline),
    ('coco', 0.5, _base_.tiny_video_coco_train, _base_.train_pipeline),
    ('rvos', 1.0, _base_.tiny_video_rvos_train, _base_.expression_train_pipeline),
]
# fmt: on
__sources = [
    dict(name=n, ratio=r, batch_size=2, dataset=dict(files, pipeline=pairs))
    for n, r, files, pairs in __table
]
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
param_scheduler = [
    _base_.pop('warm_up'),
    dict(type='MultiStepLR', by_epoch=False, milestones=[1600], gamma=0.1),
]
train_cfg = dict(max_iters=2000)
default_hooks = dict(checkpoint=dict(interval=500))
