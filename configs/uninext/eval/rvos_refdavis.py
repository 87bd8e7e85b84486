# R-VOS on Ref-DAVIS val (30 videos), the mean over four files of expressions.
# python tools/test.py configs/uninext/eval/rvos_refdavis.py CHECKPOINT
# J, F, and J&F. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50_video.py',
    '../../_base_/datasets/refdavis.py',
    '../../_base_/pipelines/video_tests.py',
]
# The expressions of a video share its pixels by their probabilities.
model = dict(trackers=dict(expression=dict(merge=dict(type='SoftAggregation'))))
__sets = [dict(d, pipeline=_base_.test_pipeline_480) for d in _base_.refdavis_val]
test_dataloader = dict(dataset=dict(type='ConcatDataset', datasets=__sets))
test_evaluator = dict(
    type='AveragedSetsMetric',
    sets=_base_.refdavis_sets,
    metric=dict(type='ReferringVOSMetric', merged=True),
)
