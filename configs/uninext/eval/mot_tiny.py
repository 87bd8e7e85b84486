# MOT in small: parts of MOT17.
# python tools/test.py configs/uninext/eval/mot_tiny.py CHECKPOINT
# HOTA, MOTA, IDF1. Metrics: docs/video.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/tiny_video.py',
    '../../_base_/pipelines/tiny_video_tests.py',
]
model = dict(trackers=dict(category=dict(with_masks=False)))
test_dataloader = dict(
    dataset=dict(_base_.tiny_video_mot_test, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='TrackingMetric', similarity='bbox', protocol='mot17')
