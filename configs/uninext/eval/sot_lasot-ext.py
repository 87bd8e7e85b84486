# SOT on the extension of LaSOT (150 videos).
# python tools/test.py configs/uninext/eval/sot_lasot-ext.py CHECKPOINT
# Success AUC, precision, normalised precision. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/sot.py']
model = _base_.sot_boxes_only
test_dataloader = dict(dataset=_base_.sot_lasot_ext)
test_evaluator = dict(type='SOTMetric', rules='lasot')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
