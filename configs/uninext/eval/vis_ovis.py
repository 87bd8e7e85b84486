# VIS on OVIS valid (140 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/vis_ovis.py CHECKPOINT
# Writes work_dirs/vis_ovis/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/vis.py']
model = _base_.vis_model
test_dataloader = dict(dataset=_base_.vis_ovis)
test_evaluator = dict(
    type='VideoInstanceMetric',
    ann_file='data/ovis/annotations_valid.json',
    format_only=True,
    outfile_prefix='work_dirs/vis_ovis/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
