# VOS in small: DAVIS.
# python tools/test.py configs/uninext/eval/vos_tiny.py CHECKPOINT
# J and F. Figures: docs/video.md.
_base_ = ['../stage3_video_tiny.py', '../../_base_/eval/tiny_video.py']
test_dataloader = dict(dataset=_base_.tiny_vos)
test_evaluator = dict(type='VOSMetric', frames='inner')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
