# VIS on OVIS valid (140 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/vis_ovis.py CHECKPOINT
# Writes work_dirs/vis_ovis/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/models/vis_tracker.py',
    '../../_base_/datasets/ovis.py',
    '../../_base_/pipelines/video_tests.py',
]
model = _base_.pop('vis_tracker')
test_dataloader = dict(dataset=dict(_base_.ovis_val, pipeline=_base_.test_pipeline_720))
test_evaluator = dict(
    type='VideoInstanceMetric',
    ann_file='data/ovis/annotations_valid.json',
    format_only=True,
    outfile_prefix='work_dirs/vis_ovis/results',
)
