# SOT on OTB-100, or videos of your own in its layout.
# python tools/test.py configs/uninext/eval/sot_otb.py CHECKPOINT
# Success AUC, precision, normalised precision. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/sot.py']
model = _base_.sot_boxes_only
test_dataloader = dict(dataset=_base_.sot_otb)
test_evaluator = dict(type='SOTMetric', rules='otb')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
