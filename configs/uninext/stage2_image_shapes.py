# Stage 2 on the Shapes suite: masks and expressions, on 2 CPU cores.
# tools/dist_train.sh configs/uninext/stage2_image_shapes.py 2 --amp \
#     --cfg-options load_from=CHECKPOINT_OF_STAGE_1
# All three stages, one after the other: tools/misc/train_shapes.sh OUT
# Small images for what is asked, whole ones for boxes and masks.
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny.py',
    '../_base_/schedules/adamw_small.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/shapes_image_val.py',
    '../_base_/pipelines/shapes_images.py',
]
# fmt: off
__small, __sided = _base_.small_expression_train_pipeline, _base_.sided_train_pipeline
__table = [  # name, batches, batch size, files, annotations, how they are read
    ('coco',            4,  4, 'shapes_train',      'instances',                 _base_.train_pipeline),
    ('refcoco',         7,  4, 'shapes_refs_train', 'refs',                      _base_.expression_train_pipeline),
    ('small_refcoco',   9, 12, 'shapes_refs_train', 'refs',                      __small),
    ('attributes',      1, 12, 'shapes_refs_train', 'refs_attributes',           __small),
    ('described',       1, 10, 'shapes_train',      'instances_described',       _base_.small_train_pipeline),
    ('kind_sides',      1, 10, 'shapes_train',      'instances_kind_sides',      __sided),
    ('relative_sides',  2,  8, 'shapes_train',      'instances_relative_sides',  __sided),
    ('relative_levels', 2,  8, 'shapes_train',      'instances_relative_levels', _base_.small_train_pipeline),
]
# fmt: on
__sources = [
    dict(
        name=name,
        ratio=batches * size,
        batch_size=size,
        dataset=dict(
            _base_[files],
            ann_file=f'annotations/{annotations}_train.json',
            pipeline=steps,
        ),
    )
    for name, batches, size, files, annotations, steps in __table
]  # fmt: skip
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
__fall = dict(type='LinearLR', by_epoch=False, start_factor=1.0, end_factor=0.02)
param_scheduler = [_base_.pop('warm_up'), dict(__fall, begin=100, end=2600)]
train_cfg = dict(max_iters=2600, val_interval=2600)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
