# Stage 1 on the Shapes suite: boxes only, masks learned from them, on 2 CPU cores.
# python tools/dataset_converters/shapes.py data/shapes --num-train 4000 --num-val 200 \
#     --videos 300 30 --size 320 240 --frames 16 && \
#     python tools/train.py configs/uninext/stage1_pretrain_shapes.py
# Source: docs/shapes.md.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny.py',
    '../_base_/models/masks_from_boxes.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/shapes.py',
    '../_base_/pipelines/shapes_images.py',
    '../_base_/pipelines/shapes_image_tests.py',
]
model = _base_.pop('masks_from_boxes')
model['mask_head']['pairwise_warmup'] = 3000
__train = dict(_base_.shapes_train, pipeline=_base_.boxes_train_pipeline)
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(sources=[dict(name='objects365', dataset=__train, class_aware=True)]),
)
val_cfg = dict(type='ValLoop')
# The metrics of docs/shapes.md were measured at this size.
inference_scale = (400, 272)
__test = [
    dict(step, scale=inference_scale) if step['type'] == 'Resize' else step
    for step in _base_.test_pipeline
]
val_dataloader = dict(
    _base_.test_dataloader, dataset=dict(_base_.shapes_val, pipeline=__test)
)
val_evaluator = _base_.shapes_val_evaluator
test_dataloader, test_evaluator = val_dataloader, val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=4e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100)
]
train_cfg = dict(max_iters=800, val_interval=800)
default_hooks = dict(checkpoint=dict(interval=400))
