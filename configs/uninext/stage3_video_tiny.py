# Stage 3 for a laptop: all video tasks from a few real videos and photographs.
# python tools/train.py configs/uninext/stage3_video_tiny.py \
#     --cfg-options load_from=work_dirs/stage2_image_tiny/iter_2000.pth
# Data: tools/dataset_converters/tiny_video.py, coco_subset.py. Figures: docs/video.md.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny_video.py',
    '../_base_/schedules/adamw_step_video.py',
    '../_base_/datasets/tiny_video.py',
]
find_unused_parameters = True  # the last convolution of MobileNetV2 leads nowhere
# fmt: off
__table = [  # name, ratio, data
    ('sot',  0.5, _base_.tiny_video_sot),
    ('vos',  0.5, _base_.tiny_video_vos),
    ('mot',  1.0, _base_.tiny_video_mot),
    ('vis',  0.5, _base_.tiny_video_vis),
    ('coco', 0.5, _base_.tiny_video_coco),
    ('rvos', 1.0, _base_.tiny_video_rvos),
]
# fmt: on
train_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    batch_size=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='MultiTaskDataset',
        sources=[dict(name=n, ratio=r, batch_size=2, dataset=d) for n, r, d in __table],
    ),
)
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[1600], gamma=0.1),
]
train_cfg = dict(max_iters=2000)
default_hooks = dict(checkpoint=dict(interval=500))
