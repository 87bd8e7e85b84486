# VIS on the Shapes suite: six classes in scenes.
# python tools/test.py configs/uninext/eval/vis_shapes.py CHECKPOINT
# AP and AR. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/models/vis_tracker.py',
    '../../_base_/datasets/shapes.py',
    '../../_base_/pipelines/shapes_video_tests.py',
]
model = _base_.pop('vis_tracker')
test_dataloader = dict(
    dataset=dict(_base_.shapes_vis_val, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='VideoInstanceMetric')
