# VIS on the Shapes suite: six classes in scenes.
# python tools/test.py configs/uninext/eval/vis_shapes.py CHECKPOINT
# AP and AR. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = ['../stage3_video_shapes.py', '../../_base_/eval/shapes.py']
model = _base_.vis_model
test_dataloader = dict(dataset=_base_.shapes_vis)
test_evaluator = dict(type='VideoInstanceMetric')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
