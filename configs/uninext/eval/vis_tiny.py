# VIS in small: DAVIS as one class.
# python tools/test.py configs/uninext/eval/vis_tiny.py CHECKPOINT
# AP and AR. Figures: docs/video.md.
_base_ = ['../stage3_video_tiny.py', '../../_base_/eval/tiny_video.py']
model = _base_.vis_model
test_dataloader = dict(dataset=_base_.tiny_vis)
test_evaluator = dict(type='VideoInstanceMetric')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
