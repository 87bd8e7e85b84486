# R-VOS on the Shapes suite: sentences that a frame can answer.
# python tools/test.py configs/uninext/eval/rvos_shapes.py CHECKPOINT
# J and F. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = ['../stage3_video_shapes.py', '../../_base_/eval/shapes.py']
test_dataloader = dict(dataset=_base_.shapes_rvos)
test_evaluator = dict(type='ReferringVOSMetric')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
