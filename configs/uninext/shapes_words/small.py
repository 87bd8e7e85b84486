# Many words on the Shapes suite, parts 1 to 9: small images, each part from the last.
# PART=looks tools/dist_train.sh configs/uninext/shapes_words/small.py 2 --amp
# and so on through the table: docs/shapes.md.
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/schedules/adamw_step_video.py',
    '../../_base_/datasets/mixture.py',
    '../../_base_/datasets/shapes_words.py',
]
part = '{{$PART:all}}'
# fmt: off
__parts = dict(  # iterations, rate, sources and their shares of the batches
    looks=(80, 6e-4, dict(colors=3, textures=1)),
    places=(120, 6e-4, dict(sides=1, levels=1)),
    attributes=(120, 6e-4, dict(small_attributes=50, described=10, colors=8, textures=16, sides=8, levels=8)),
    expressions=(200, 6e-4, dict(small_expressions=5, small_attributes=2, textures=1, sides=1, levels=1)),
    targets=(140, 6e-4, dict(small_coco_sot=5, small_vos=3, small_sot=1, small_attributes=1)),
    relations=(200, 6e-4, dict(kind_sides=14, kind_levels=14, relative_sides=25, relative_levels=25, small_expressions=22)),
    all=(200, 5e-4, dict(
        small_expressions=22, small_attributes=5, small_rvos=5, relative_sides=4, relative_levels=4, kind_sides=3,
        kind_levels=3, small_coco_sot=12, small_vos=12, small_sot=4, refcoco=6, rvos=4, vos=7, coco=4, vis=2, mot=3)),
    targets_again=(130, 6e-4, dict(small_coco_sot=50, small_vos=35, small_sot=15)),
    both=(390, 5e-4, dict(small_expressions=50, small_coco_sot=17, small_vos=17, small_attributes=8, textures=8)),
)
# fmt: on
__iters, __rate, __shares = __parts[part]
__last = ['stage3_video_shapes/iter_2400']
__last += [f'{name}/iter_{row[0]}' for name, row in __parts.items()]
load_from = f'work_dirs/{__last[list(__parts).index(part)]}.pth'
work_dir = f'work_dirs/{part}'
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
train_dataloader = dict(
    batch_size=14,
    num_workers=1,
    dataset=dict(sources=_base_.shapes_sources, shares=__shares),
)
optim_wrapper = dict(
    optimizer=dict(lr=__rate, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20)
]
train_cfg = dict(max_iters=__iters)
default_hooks = dict(
    checkpoint=dict(interval=50, max_keep_ckpts=1), logger=dict(interval=20)
)
