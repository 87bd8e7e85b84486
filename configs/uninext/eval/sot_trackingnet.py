# SOT on TrackingNet test (511 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/sot_trackingnet.py CHECKPOINT
# Writes work_dirs/sot_trackingnet/trackingnet.zip for it. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/sot.py']
model = _base_.sot_boxes_only
test_dataloader = dict(dataset=_base_.sot_trackingnet)
test_evaluator = dict(
    type='SOTMetric',
    rules='lasot',
    server='trackingnet',
    format_only=True,
    outfile_prefix='work_dirs/sot_trackingnet/trackingnet',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
