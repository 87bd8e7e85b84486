# Stage 2 on the Shapes suite: masks and expressions, 1:1, on 2 CPU cores.
# python tools/train.py configs/uninext/stage2_image_shapes.py \
#     --cfg-options load_from=work_dirs/stage1_pretrain_shapes/iter_800.pth
# 2.3 s an iteration on one core of a busy machine: 1.5 hours; evaluated by 300 expressions.
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/shapes.py',
    '../_base_/pipelines/shapes_images.py',
    '../_base_/pipelines/shapes_image_tests.py',
]
__train = dict(
    coco=dict(_base_.shapes_train, pipeline=_base_.train_pipeline),
    refcoco=dict(_base_.shapes_refs_train, pipeline=_base_.expression_train_pipeline),
)
__refs_val = dict(_base_.shapes_refs_val, pipeline=_base_.expression_test_pipeline)
__sources = [dict(name=n, ratio=1, batch_size=4, dataset=d) for n, d in __train.items()]
train_dataloader = dict(batch_size=4, num_workers=1, dataset=dict(sources=__sources))
val_cfg = dict(type='ValLoop')
__val = [
    dict(_base_.shapes_val, pipeline=_base_.test_pipeline),
    dict(__refs_val, indices=300),
]
val_dataloader = dict(
    _base_.test_dataloader, dataset=dict(type='ConcatDataset', datasets=__val)
)
val_evaluator = dict(
    type='MultiDatasetsEvaluator',
    metrics=[_base_.shapes_val_evaluator, _base_.shapes_refs_val_evaluator],
    dataset_prefixes=['coco', 'refcoco'],
)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=4e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[2000], gamma=0.1),
]
train_cfg = dict(max_iters=2400, val_interval=2400)
default_hooks = dict(checkpoint=dict(interval=400))
