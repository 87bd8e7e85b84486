# REC and RES on the Shapes suite: expressions about images.
# python tools/test.py configs/uninext/eval/rec_shapes.py CHECKPOINT
# P@0.5 and oIoU. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/shapes.py',
    '../../_base_/pipelines/shapes_image_tests.py',
]
test_dataloader = dict(
    dataset=dict(_base_.shapes_refs_val, pipeline=_base_.expression_test_pipeline)
)
test_evaluator = _base_.shapes_refs_val_evaluator
