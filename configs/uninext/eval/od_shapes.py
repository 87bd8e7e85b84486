# OD and IS on the Shapes suite: boxes and masks of pictures.
# python tools/test.py configs/uninext/eval/od_shapes.py CHECKPOINT
# Box AP and mask AP. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = '../stage3_video_shapes.py'
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=_base_.shapes_val,
)
test_evaluator = _base_.shapes_val_evaluator
test_cfg = dict(_delete_=True, type='TestLoop')
