# Proof that the pipeline learns: 16 photographs by heart, no augmentation.
# python tools/dataset_converters/coco_subset.py data/photos16 --overfit 16 ... && \
#     python tools/train.py configs/uninext/stage2_image_tiny_overfit.py
# Metrics and the command that makes data/photos16: docs/photographs.md.
_base_ = './stage2_image_tiny.py'
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__resize = dict(type='Resize', scale=(352, 264), keep_ratio=True, backend='pillow')
__pack = [dict(type='KeepVisibleInstances'), dict(type='PackUninextInputs')]
__expression = dict(type='SampleExpressionPrompt')
train_pipeline = [
    *__load,
    __resize,
    __pack[0],
    dict(type='SampleCategoryPrompt', max_negatives=20),
    __pack[1],
]
expression_train_pipeline = [*__load, __expression, __resize, *__pack]
test_pipeline, expression_test_pipeline = (
    [__load[0], __resize, __load[1], prompt, __pack[1]]
    for prompt in (dict(type='AllCategoryPrompt'), __expression)
)
__photos = dict(data_root='data/photos16/')
overfit_train = dict(_base_.tiny_train, **__photos, pipeline=train_pipeline)
overfit_refs_train = dict(
    _base_.tiny_refs_train, **__photos, pipeline=expression_train_pipeline
)
overfit_val = dict(_base_.tiny_val, **__photos, pipeline=test_pipeline)
overfit_refs_val = dict(
    _base_.tiny_refs_val, **__photos, pipeline=expression_test_pipeline
)
overfit_val_evaluator = dict(
    _base_.tiny_val_evaluator, ann_file='data/photos16/annotations/instances_val.json'
)
__sources = [
    dict(name='coco', dataset=overfit_train, ratio=2, batch_size=2),
    dict(name='refcoco', dataset=overfit_refs_train, ratio=1, batch_size=2),
]
train_dataloader = dict(dataset=dict(sources=__sources))
val_dataloader = dict(dataset=dict(datasets=[overfit_val, overfit_refs_val]))
val_evaluator = dict(metrics=[overfit_val_evaluator, _base_.tiny_refs_val_evaluator])
test_dataloader, test_evaluator = val_dataloader, val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[1600], gamma=0.1),
]
train_cfg = dict(max_iters=2000, val_interval=500)
