# Referring comprehension and segmentation on RefCOCO+ val, testA, testB.
# python tools/test.py configs/uninext/eval/rec_refcocoplus.py CHECKPOINT
# P@0.5 to P@0.9, oIoU, mIoU of boxes and masks. Not measured here: docs/evaluation.md.
_base_ = '../stage2_image.py'
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            _base_.refcoco_plus_val,
            _base_.refcoco_plus_testA,
            _base_.refcoco_plus_testB,
        ],
    )
)
test_evaluator = dict(
    _delete_=True,
    type='MultiDatasetsEvaluator',
    metrics=[_base_.refcoco_val_evaluator] * 3,
    dataset_prefixes=['val', 'testA', 'testB'],
)
