# SOT in small: DAVIS as boxes.
# python tools/test.py configs/uninext/eval/sot_tiny.py CHECKPOINT
# Success AUC. Metrics: docs/video.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/tiny_video.py',
    '../../_base_/pipelines/tiny_video_tests.py',
]
model = dict(trackers=dict(box=dict(with_masks=False)))
test_dataloader = dict(
    dataset=dict(_base_.tiny_video_sot_test, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='SOTMetric', rules='lasot')
