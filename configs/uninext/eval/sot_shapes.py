# SOT on the Shapes suite: one target by its box.
# python tools/test.py configs/uninext/eval/sot_shapes.py CHECKPOINT
# Success AUC. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/shapes.py',
    '../../_base_/pipelines/shapes_video_tests.py',
]
model = dict(trackers=dict(box=dict(with_masks=False)))
test_dataloader = dict(
    dataset=dict(_base_.shapes_sot_val, pipeline=_base_.test_pipeline)
)
test_evaluator = dict(type='SOTMetric', rules='lasot')
