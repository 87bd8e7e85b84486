# MOT on the training videos of MOT17 (7 videos; those of test have no public labels).
# python tools/test.py configs/uninext/eval/mot_mot17.py CHECKPOINT
# HOTA, MOTA, IDF1; writes work_dirs/mot_mot17/results/. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/mot17.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(category=dict(with_masks=False)))
test_dataloader = dict(dataset=dict(_base_.mot17_val, pipeline=_base_.test_pipeline))
test_evaluator = dict(
    type='TrackingMetric',
    similarity='bbox',
    protocol='mot17',
    outfile_prefix='work_dirs/mot_mot17/results',
)
