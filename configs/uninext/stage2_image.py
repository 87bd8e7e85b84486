# Stage 2: detection and segmentation of COCO, expressions of RefCOCO/+/g, 1:1.
# tools/dist_train.sh configs/uninext/stage2_image.py 16 \
#     --cfg-options load_from=work_dirs/stage1_pretrain/iter_340741.pth
# 16 GPUs x 2 images, 92k iterations. Not trained here.
# Source: arXiv 2303.06674, Table 1 of the supplementary material.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_r50.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/coco.py',
    '../_base_/datasets/refcoco.py',
]
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    batch_size=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='MultiTaskDataset',
        sources=[
            dict(name='coco', dataset=_base_.coco_train, ratio=1, batch_size=2),
            dict(name='refcoco', dataset=_base_.refcoco_train, ratio=1, batch_size=2),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=[_base_.coco_val, _base_.refcoco_val]),
)
val_evaluator = dict(
    type='MultiDatasetsEvaluator',
    metrics=[_base_.coco_val_evaluator, _base_.refcoco_val_evaluator],
    dataset_prefixes=['coco', 'refcoco'],
)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
