# SOT on GOT-10k test (180 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/sot_got10k.py CHECKPOINT
# Writes work_dirs/sot_got10k/got10k.zip for it. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/got10k.py',
    '../../_base_/pipelines/video_tests.py',
]
model = dict(trackers=dict(box=dict(with_masks=False)))
test_dataloader = dict(dataset=dict(_base_.got10k_test, pipeline=_base_.test_pipeline))
test_evaluator = dict(
    type='SOTMetric',
    rules='got10k',
    server='got10k',
    format_only=True,
    outfile_prefix='work_dirs/sot_got10k/got10k',
)
