# MOT on BDD100K val (200 videos, 8 classes).
# python tools/test.py configs/uninext/eval/mot_bdd100k.py CHECKPOINT
# mMOTA, mIDF1; writes work_dirs/mot_bdd100k/results/. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/mot.py']
model = _base_.mot_boxes_only
test_dataloader = dict(dataset=_base_.mot_bdd100k)
test_evaluator = dict(
    type='BDD100KTrackingMetric',
    similarity='bbox',
    outfile_prefix='work_dirs/mot_bdd100k/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
