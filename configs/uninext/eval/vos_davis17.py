# VOS on DAVIS 2017 val (30 videos).
# python tools/test.py configs/uninext/eval/vos_davis17.py CHECKPOINT
# J, F, and J&F, their mean. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/davis17.py',
    '../../_base_/pipelines/video_tests.py',
]
test_dataloader = dict(
    dataset=dict(_base_.davis17_val, pipeline=_base_.test_pipeline_480)
)
test_evaluator = dict(type='VOSMetric', frames='inner')
