# What stages 1 and 2 are evaluated on when they end: 200 images, 300 expressions.
_base_ = ['./shapes.py', '../pipelines/shapes_image_tests.py']
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(_base_.shapes_val, pipeline=_base_.test_pipeline),
            dict(
                _base_.shapes_refs_val,
                pipeline=_base_.expression_test_pipeline,
                indices=300,
            ),
        ],
    ),
)
val_evaluator = dict(
    type='MultiDatasetsEvaluator',
    metrics=[_base_.shapes_val_evaluator, _base_.shapes_refs_val_evaluator],
    dataset_prefixes=['coco', 'refcoco'],
)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
