# VOS on YouTube-VOS 2018 valid (474 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/vos_ytvos18.py CHECKPOINT
# Writes work_dirs/vos_ytvos18/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/vos.py']
model = dict(followers=dict(mask=dict(merge=dict(blank_score_thr=0.5))))
test_dataloader = dict(dataset=_base_.vos_ytvos18)
test_evaluator = dict(
    type='VOSMetric',
    frames='after_first',
    with_zip=True,
    format_only=True,
    outfile_prefix='work_dirs/vos_ytvos18/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
