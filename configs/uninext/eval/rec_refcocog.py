# Referring comprehension and segmentation on RefCOCOg val and test (UMD).
# python tools/test.py configs/uninext/eval/rec_refcocog.py CHECKPOINT
# P@0.5 to P@0.9, oIoU, mIoU of boxes and masks. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50.py',
    '../../_base_/datasets/refcoco.py',
    '../../_base_/pipelines/image_tests.py',
]
__sets = dict(val=_base_.refcoco_g_val, test=_base_.refcoco_g_test)
__datasets = [
    dict(data, pipeline=_base_.expression_test_pipeline) for data in __sets.values()
]
test_dataloader = dict(dataset=dict(type='ConcatDataset', datasets=__datasets))
test_evaluator = dict(
    type='MultiDatasetsEvaluator',
    metrics=[_base_.refcoco_val_evaluator] * 2,
    dataset_prefixes=list(__sets),
)
