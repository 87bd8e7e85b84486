# VOS on YouTube-VOS 2018 valid (474 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/vos_ytvos18.py CHECKPOINT
# Writes work_dirs/vos_ytvos18/results.zip for it. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/ytvos.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(mask=dict(merge=dict(blank_score_thr=0.5))))
test_dataloader = dict(
    dataset=dict(_base_.ytvos18_val, pipeline=_base_.test_pipeline_480)
)
test_evaluator = dict(
    type='VOSMetric',
    frames='after_first',
    with_zip=True,
    format_only=True,
    outfile_prefix='work_dirs/vos_ytvos18/results',
)
