# MOT on BDD100K val (200 videos, 8 classes).
# python tools/test.py configs/uninext/eval/mot_bdd100k.py CHECKPOINT
# mMOTA, mIDF1; writes work_dirs/mot_bdd100k/results/. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/bdd100k.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(category=dict(with_masks=False)))
test_dataloader = dict(
    dataset=dict(_base_.bdd100k_box_track_val, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(
    type='BDD100KTrackingMetric',
    similarity='bbox',
    outfile_prefix='work_dirs/mot_bdd100k/results',
)
