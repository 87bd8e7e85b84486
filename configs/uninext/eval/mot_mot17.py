# MOT on the training videos of MOT17 (7 videos; those of test have no public labels).
# python tools/test.py configs/uninext/eval/mot_mot17.py CHECKPOINT
# HOTA, MOTA, IDF1; writes work_dirs/mot_mot17/results/. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/mot.py']
model = _base_.mot_boxes_only
test_dataloader = dict(dataset=_base_.mot_mot17)
test_evaluator = dict(
    type='TrackingMetric',
    similarity='bbox',
    protocol='mot17',
    outfile_prefix='work_dirs/mot_mot17/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
