# MOT in small: parts of MOT17.
# python tools/test.py configs/uninext/eval/mot_tiny.py CHECKPOINT
# HOTA, MOTA, IDF1. Figures: docs/video.md.
_base_ = ['../stage3_video_tiny.py', '../../_base_/eval/tiny_video.py']
model = _base_.mot_boxes_only
test_dataloader = dict(dataset=_base_.tiny_mot)
test_evaluator = dict(type='TrackingMetric', similarity='bbox', protocol='mot17')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
