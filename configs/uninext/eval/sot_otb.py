# SOT on OTB-100, or videos of your own in its layout.
# python tools/test.py configs/uninext/eval/sot_otb.py CHECKPOINT
# Success AUC, precision, normalised precision. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/otb.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(box=dict(with_masks=False)))
test_dataloader = dict(dataset=dict(_base_.otb_test, pipeline=_base_.test_pipeline))
test_evaluator = dict(type='SOTMetric', rules='otb')
