# Stage 1 on the Shapes suite: boxes only, masks learned from them, on 2 CPU cores.
# tools/dist_train.sh configs/uninext/stage1_pretrain_shapes.py 2 --amp
# All three stages, one after the other: tools/misc/train_shapes.sh OUT
# A network keeps of an object what it is asked for: colours, textures, sizes and places
# are categories too, as Objects365 has 365. Whole images for boxes, small ones for names.
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
# fmt: off
__full, __small, __sided = (
    _base_[f'{name}boxes_train_pipeline'] for name in ('', 'small_', 'sided_')
)
__table = [  # names of categories, batches, batch size, how images are read
    ('',             12,  4, __full),
    ('_colors',       3, 10, __small),
    ('_textures',     3, 10, __small),
    ('_sizes',        1, 10, __small),
    ('_described',    4, 10, __small),
    ('_sides',        1, 10, __sided),  # what says left is never mirrored
    ('_levels',       1, 10, __small),
    ('_kind_sides',   2, 10, __sided),
    ('_kind_levels',  2, 10, __small),
]
# fmt: on
__sources = [
    dict(
        name=f'shapes{name}',
        ratio=batches * size,
        batch_size=size,
        dataset=dict(
            _base_.shapes_train,
            ann_file=f'annotations/instances{name}_train.json',
            pipeline=steps,
        ),
    )
    for name, batches, size, steps in __table
]  # fmt: skip
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
optim_wrapper = dict(optimizer=dict(lr=6e-4))
param_scheduler = [
    _base_.pop('warm_up'),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2250], gamma=0.1),
]
train_cfg = dict(max_iters=2500, val_interval=2500)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
