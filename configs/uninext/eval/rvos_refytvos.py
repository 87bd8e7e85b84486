# R-VOS on Ref-YouTube-VOS valid (202 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/rvos_refytvos.py CHECKPOINT
# Writes work_dirs/rvos_refytvos/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/refytvos.py',
    '../../_base_/pipelines/video_tests.py',
]
test_dataloader = dict(
    dataset=dict(_base_.refytvos_val, pipeline=_base_.test_pipeline_480)
)
test_evaluator = dict(
    type='ReferringVOSMetric',
    with_zip=True,
    format_only=True,
    outfile_prefix='work_dirs/rvos_refytvos/results',
)
