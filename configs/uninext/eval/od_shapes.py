# OD and IS on the Shapes suite: boxes and masks of images.
# python tools/test.py configs/uninext/eval/od_shapes.py CHECKPOINT
# Box AP and mask AP. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_tiny_video.py',
    '../../_base_/datasets/shapes.py',
    '../../_base_/pipelines/shapes_image_tests.py',
]
test_dataloader = dict(dataset=dict(_base_.shapes_val, pipeline=_base_.test_pipeline))
test_evaluator = _base_.shapes_val_evaluator
