# SOT on the Shapes suite: one target by its box.
# python tools/test.py configs/uninext/eval/sot_shapes.py CHECKPOINT
# Success AUC. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = ['../stage3_video_shapes.py', '../../_base_/eval/shapes.py']
test_dataloader = dict(dataset=_base_.shapes_sot)
model = _base_.sot_boxes_only
test_evaluator = dict(type='SOTMetric', rules='lasot')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
