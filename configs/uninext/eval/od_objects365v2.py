# Detection of all 365 names of Objects365 v2 val, asked in parts that fit the budget.
# python tools/test.py configs/uninext/eval/od_objects365v2.py CHECKPOINT
# Writes work_dirs/od_objects365v2/results.bbox.json. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50.py',
    '../../_base_/datasets/objects365v2.py',
    '../../_base_/pipelines/image_tests.py',
]
test_dataloader = dict(
    dataset=dict(_base_.objects365v2_val, pipeline=_base_.boxes_test_pipeline)
)
test_evaluator = dict(
    _base_.objects365v2_val_evaluator,
    outfile_prefix='work_dirs/od_objects365v2/results',
)
