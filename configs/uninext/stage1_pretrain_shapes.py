# Stage 1 on the Shapes suite: boxes only, masks learned from them, on 2 CPU cores.
# tools/dist_train.sh configs/uninext/stage1_pretrain_shapes.py 2 --amp
# All three stages, one after the other: tools/misc/train_shapes.sh OUT
# A network keeps of an object what it is asked for: colours, textures, sizes and places
# are categories too, as Objects365 has 365. Small images: many iterations.
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny.py',
    '../_base_/models/masks_from_boxes.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/shapes_image_val.py',
    '../_base_/pipelines/shapes_images.py',
]
model = _base_.pop('masks_from_boxes')
model['mask_head']['pairwise_warmup'] = 500
__pipelines = _base_.small_boxes_train_pipeline, _base_.sided_boxes_train_pipeline
# fmt: off
__table = [  # names of categories, ratio, whether they say left and right
    ('',                 4, False),
    ('_colors',          3, False),
    ('_textures',        3, False),
    ('_sizes',           1, False),
    ('_described',       3, False),
    ('_sides',           1, True),
    ('_levels',          1, False),
    ('_kind_sides',      1, True),
    ('_kind_levels',     1, False),
    ('_relative_sides',  2, True),
    ('_relative_levels', 2, False),
]
# fmt: on
__sources = [
    dict(
        name=f'shapes{name}',
        ratio=ratio,
        dataset=dict(
            _base_.shapes_train,
            ann_file=f'annotations/instances{name}_train.json',
            pipeline=__pipelines[sided],
        ),
    )
    for name, ratio, sided in __table
]  # fmt: skip
train_dataloader = dict(batch_size=6, num_workers=1, dataset=dict(sources=__sources))
optim_wrapper = dict(optimizer=dict(lr=8e-4))
param_scheduler = [
    _base_.pop('warm_up'),
    dict(type='MultiStepLR', by_epoch=False, milestones=[4200], gamma=0.1),
]
train_cfg = dict(max_iters=5000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
