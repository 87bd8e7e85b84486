# Stage 2 for a laptop: detection, segmentation and expressions, 1:1, on 2 CPU cores.
# python tools/dataset_converters/shapes.py data/tiny && \
#     python tools/train.py configs/uninext/stage2_image_tiny.py
# About 0.6 s an iteration. Figures: docs/photographs.md.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_tiny.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/tiny.py',
]
find_unused_parameters = True
train_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    batch_size=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='MultiTaskDataset',
        sources=[
            dict(name='coco', dataset=_base_.tiny_train, ratio=1, batch_size=2),
            dict(name='refcoco', dataset=_base_.tiny_refs_train, ratio=1, batch_size=2),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset', datasets=[_base_.tiny_val, _base_.tiny_refs_val]
    ),
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
