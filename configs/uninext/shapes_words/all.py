# Many words on the Shapes suite, 7th part: everything at once.
# tools/dist_train.sh configs/uninext/shapes_words/all.py 2 --amp \
#     --cfg-options load_from=work_dirs/relations/iter_200.pth
# The other parts change the shares.
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/schedules/adamw_step_video.py',
    '../../_base_/datasets/shapes_words.py',
]
find_unused_parameters = True  # the last convolution of MobileNetV2 leads nowhere
# Boxes and masks are known by now: what is asked for leads, they follow.
model = dict(
    prompt_generator=dict(cache_size=16384),
    bbox_head=dict(
        loss_retrieval=dict(loss_weight=4.0),
        loss_bbox=dict(loss_weight=0.5),
        loss_giou=dict(loss_weight=0.2),
        iou_loss_weight=0.1,
    ),
    mask_head=dict(loss_mask=dict(loss_weight=0.2), loss_dice=dict(loss_weight=0.5)),
)
# fmt: off
__shares = dict(  # of the batches
    small_sentences=22, small_attributes=5, small_rvos=5, relative_sides=4,
    relative_levels=4, kind_sides=3, kind_levels=3, small_coco_sot=12, small_vos=12,
    small_sot=4, refcoco=6, rvos=4, vos=7, coco=4, vis=2, mot=3,
)
# fmt: on
train_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    batch_size=14,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='MultiTaskDataset',
        sources=_base_.shapes_sources,
        shares=__shares,
    ),
)
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20)
]
train_cfg = dict(max_iters=200)
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=20))
