# VIS on YouTube-VIS 2019 valid (302 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/vis_ytvis19.py CHECKPOINT
# Writes work_dirs/vis_ytvis19/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/vis.py']
model = _base_.vis_model
test_dataloader = dict(dataset=_base_.vis_ytvis19)
test_evaluator = dict(
    type='VideoInstanceMetric',
    ann_file='data/ytvis_2019/annotations/instances_val_sub.json',
    format_only=True,
    outfile_prefix='work_dirs/vis_ytvis19/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
