# R-VOS in small: DAVIS with expressions.
# python tools/test.py configs/uninext/eval/rvos_tiny.py CHECKPOINT
# J and F. Metrics: docs/video.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/tiny_video.py',
    '../../_base_/pipelines/tiny_video_tests.py',
]
test_dataloader = dict(
    dataset=dict(_base_.tiny_video_rvos_test, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='ReferringVOSMetric')
