# VOS on DAVIS 2017 val (30 videos).
# python tools/test.py configs/uninext/eval/vos_davis17.py CHECKPOINT
# J, F, and J&F, their mean. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/vos.py']
test_dataloader = dict(dataset=_base_.vos_davis17)
test_evaluator = dict(type='VOSMetric', frames='inner')
test_cfg = dict(_delete_=True, type='VideoTestLoop')
