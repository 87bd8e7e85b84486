# MOTS on BDD100K val (32 videos, 8 classes).
# python tools/test.py configs/uninext/eval/mots_bdd100k.py CHECKPOINT
# mMOTSA, mIDF1; writes work_dirs/mots_bdd100k/results/. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/mots.py']
test_dataloader = dict(dataset=_base_.mots_bdd100k)
test_evaluator = dict(
    type='BDD100KTrackingMetric',
    similarity='segm',
    outfile_prefix='work_dirs/mots_bdd100k/results',
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
