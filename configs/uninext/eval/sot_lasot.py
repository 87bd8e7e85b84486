# SOT on LaSOT test (280 videos).
# python tools/test.py configs/uninext/eval/sot_lasot.py CHECKPOINT
# Success AUC, precision, normalised precision. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/lasot.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(box=dict(with_masks=False)))
test_dataloader = dict(dataset=dict(_base_.lasot_test, pipeline=_base_.test_pipeline))
test_evaluator = dict(type='SOTMetric', rules='lasot')
