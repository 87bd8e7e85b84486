# VIS in small: DAVIS as one class.
# python tools/test.py configs/uninext/eval/vis_tiny.py CHECKPOINT
# AP and AR. Metrics: docs/video.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/models/vis_tracker.py',
    '../../_base_/datasets/tiny_video.py',
    '../../_base_/pipelines/tiny_video_tests.py',
]
model = _base_.pop('vis_tracker')
test_dataloader = dict(
    dataset=dict(_base_.tiny_video_vis_test, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='VideoInstanceMetric')
