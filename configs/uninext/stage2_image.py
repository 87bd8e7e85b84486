# Stage 2: detection and segmentation of COCO, expressions of RefCOCO/+/g, 1:1.
# tools/dist_train.sh configs/uninext/stage2_image.py 16 \
#     --cfg-options load_from=work_dirs/stage1_pretrain/iter_340741.pth
# 16 GPUs x 2 images, 92k iterations. Not trained here.
# Source: arXiv 2303.06674, Table 1 of the supplementary material.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_r50.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/coco.py',
    '../_base_/datasets/refcoco.py',
    '../_base_/pipelines/images.py',
    '../_base_/pipelines/image_tests.py',
]
__train = dict(
    coco=dict(_base_.coco_train, pipeline=_base_.train_pipeline),
    refcoco=dict(_base_.refcoco_train, pipeline=_base_.expression_train_pipeline),
)
__sources = [dict(name=n, ratio=1, batch_size=2, dataset=d) for n, d in __train.items()]
train_dataloader = dict(dataset=dict(sources=__sources))
val_cfg = dict(type='ValLoop')
__val = [
    dict(_base_.coco_val, pipeline=_base_.test_pipeline),
    dict(_base_.refcoco_val, pipeline=_base_.expression_test_pipeline),
]
val_dataloader = dict(
    _base_.test_dataloader, dataset=dict(type='ConcatDataset', datasets=__val)
)
val_evaluator = dict(
    type='MultiDatasetsEvaluator',
    metrics=[_base_.coco_val_evaluator, _base_.refcoco_val_evaluator],
    dataset_prefixes=['coco', 'refcoco'],
)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
