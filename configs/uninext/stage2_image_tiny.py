# Stage 2 for a laptop: detection, segmentation and expressions, 1:1, on 2 CPU cores.
# python tools/dataset_converters/shapes.py data/tiny && \
#     python tools/train.py configs/uninext/stage2_image_tiny.py
# About 0.6 s an iteration. Metrics: docs/photographs.md.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/tiny.py',
    '../_base_/pipelines/tiny_images.py',
]
__train = dict(
    coco=dict(_base_.tiny_train, pipeline=_base_.train_pipeline),
    refcoco=dict(_base_.tiny_refs_train, pipeline=_base_.expression_train_pipeline),
)
__sources = [dict(name=n, ratio=1, batch_size=2, dataset=d) for n, d in __train.items()]
train_dataloader = dict(num_workers=1, dataset=dict(sources=__sources))
val_cfg = dict(type='ValLoop')
__val = [
    dict(_base_.tiny_val, pipeline=_base_.test_pipeline),
    dict(_base_.tiny_refs_val, pipeline=_base_.expression_test_pipeline),
]
val_dataloader = dict(
    _base_.test_dataloader, dataset=dict(type='ConcatDataset', datasets=__val)
)
val_evaluator = dict(
    type='MultiDatasetsEvaluator',
    metrics=[_base_.tiny_val_evaluator, _base_.tiny_refs_val_evaluator],
    dataset_prefixes=['coco', 'refcoco'],
)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[1600], gamma=0.1)
]
train_cfg = dict(max_iters=2000, val_interval=2000)
default_hooks = dict(checkpoint=dict(interval=500))
