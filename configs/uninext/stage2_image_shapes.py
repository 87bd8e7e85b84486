# Stage 2 on the Shapes suite: masks and expressions, on 2 CPU cores.
# tools/dist_train.sh configs/uninext/stage2_image_shapes.py 2 --amp \
#     --cfg-options load_from=CHECKPOINT_OF_STAGE_1
# All three stages, one after the other: tools/misc/train_shapes.sh OUT
# Boxes and masks are learned from whole images, expressions from small ones, which teach
# nothing else: most batches, since places are learned late and slowly.
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
__expressions, __names = _base_.expression_names_train_pipeline, _base_.names_train_pipeline
__table = [  # name, batches, batch size, files, annotations, how they are read
    ('coco',           2,  4, 'shapes_train',      'instances',           _base_.train_pipeline),
    ('refcoco',        3,  4, 'shapes_refs_train', 'refs',                _base_.expression_train_pipeline),
    ('small_refcoco', 12, 14, 'shapes_refs_train', 'refs',                __expressions),
    ('attributes',     1, 14, 'shapes_refs_train', 'refs_attributes',     __expressions),
    ('described',      1, 12, 'shapes_train',      'instances_described', __names),
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
param_scheduler = [_base_.pop('warm_up'), dict(__fall, begin=100, end=3000)]
train_cfg = dict(max_iters=3000, val_interval=3000)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
