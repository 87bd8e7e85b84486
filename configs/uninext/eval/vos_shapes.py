# VOS on the Shapes suite: all objects of the first frame by their masks.
# python tools/test.py configs/uninext/eval/vos_shapes.py CHECKPOINT
# J and F. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = ['../stage3_video_shapes.py', '../../_base_/eval/shapes.py']
test_dataloader = dict(dataset=_base_.shapes_vos)
test_evaluator = dict(type='VOSMetric', frames='inner')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
