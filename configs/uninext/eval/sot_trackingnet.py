# SOT on TrackingNet test (511 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/sot_trackingnet.py CHECKPOINT
# Writes work_dirs/sot_trackingnet/trackingnet.zip for it. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/trackingnet.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(box=dict(with_masks=False)))
test_dataloader = dict(
    dataset=dict(_base_.trackingnet_test, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(
    type='SOTMetric',
    rules='lasot',
    server='trackingnet',
    format_only=True,
    outfile_prefix='work_dirs/sot_trackingnet/trackingnet',
)
