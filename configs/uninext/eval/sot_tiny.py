# SOT in small: DAVIS as boxes.
# python tools/test.py configs/uninext/eval/sot_tiny.py CHECKPOINT
# Success AUC. Figures: docs/video.md.
_base_ = ['../stage3_video_tiny.py', '../../_base_/eval/tiny_video.py']
test_dataloader = dict(dataset=_base_.tiny_sot)
model = _base_.sot_boxes_only
test_evaluator = dict(type='SOTMetric', rules='lasot')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
