# SOT on GOT-10k test (180 videos); a server keeps the ground truth.
# python tools/test.py configs/uninext/eval/sot_got10k.py CHECKPOINT
# Writes work_dirs/sot_got10k/got10k.zip for it. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/sot.py']
model = _base_.sot_boxes_only
test_dataloader = dict(dataset=_base_.sot_got10k)
test_evaluator = dict(
    type='SOTMetric',
    rules='got10k',
    server='got10k',
    format_only=True,
    outfile_prefix='work_dirs/sot_got10k/got10k',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
