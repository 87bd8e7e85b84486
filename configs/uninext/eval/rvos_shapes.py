# R-VOS on the Shapes suite: expressions that a frame can answer.
# python tools/test.py configs/uninext/eval/rvos_shapes.py CHECKPOINT
# J and F. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/shapes.py',
    '../../_base_/pipelines/shapes_video_tests.py',
]
test_dataloader = dict(
    dataset=dict(_base_.shapes_rvos_val, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='ReferringVOSMetric')
