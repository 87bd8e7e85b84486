# REC and RES on the Shapes suite: sentences about pictures.
# python tools/test.py configs/uninext/eval/rec_shapes.py CHECKPOINT
# P@0.5 and oIoU. All tasks: tools/analysis_tools/ten_tasks.py. Data: docs/shapes.md.
_base_ = '../stage3_video_shapes.py'
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=_base_.shapes_refs_val,
)
test_evaluator = _base_.shapes_refs_val_evaluator
test_cfg = dict(_delete_=True, type='TestLoop')
