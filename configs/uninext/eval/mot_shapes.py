# MOT on the Shapes suite: boxes of crowds.
# python tools/test.py configs/uninext/eval/mot_shapes.py CHECKPOINT
# HOTA, MOTA, IDF1. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = ['../stage3_video_shapes.py', '../../_base_/eval/shapes.py']
test_dataloader = dict(dataset=_base_.shapes_mot)
model = _base_.mot_boxes_only
test_evaluator = dict(type='TrackingMetric', similarity='bbox')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
