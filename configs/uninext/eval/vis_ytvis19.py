# VIS on YouTube-VIS 2019 valid (302 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/vis_ytvis19.py CHECKPOINT
# Writes work_dirs/vis_ytvis19/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/models/vis_tracker.py',
    '../../_base_/datasets/ytvis.py',
    '../../_base_/pipelines/video_tests.py',
]
model = _base_.pop('vis_tracker')
test_dataloader = dict(
    dataset=dict(_base_.ytvis_2019_val, pipeline=_base_.test_pipeline_480)
)
test_evaluator = dict(
    type='VideoInstanceMetric',
    ann_file='data/ytvis_2019/annotations/instances_val_sub.json',
    format_only=True,
    outfile_prefix='work_dirs/vis_ytvis19/results',
)
