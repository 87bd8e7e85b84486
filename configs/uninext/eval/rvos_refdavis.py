# R-VOS on Ref-DAVIS val (30 videos), the mean over four files of sentences.
# python tools/test.py configs/uninext/eval/rvos_refdavis.py CHECKPOINT
# J, F, and J&F. Not measured here: docs/evaluation.md.
_base_ = ['../stage3_video.py', '../../_base_/eval/rvos.py']
model = _base_.rvos_merged
test_dataloader = dict(
    dataset=dict(type='ConcatDataset', datasets=_base_.rvos_refdavis)
)
test_evaluator = dict(
    type='AveragedSetsMetric',
    sets=_base_.rvos_refdavis_annotators,
    metric=dict(type='ReferringVOSMetric', merged=True),
)
test_cfg = dict(_delete_=True, type='VideoTestLoop')
