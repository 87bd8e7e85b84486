# R-VOS on Ref-YouTube-VOS valid (202 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/rvos_refytvos.py CHECKPOINT
# Writes work_dirs/rvos_refytvos/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/rvos.py']
test_dataloader = dict(dataset=_base_.rvos_refytvos)
test_evaluator = dict(
    type='ReferringVOSMetric',
    with_zip=True,
    format_only=True,
    outfile_prefix='work_dirs/rvos_refytvos/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
