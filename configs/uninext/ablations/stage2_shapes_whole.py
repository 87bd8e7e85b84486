# Ablations of stage 2 on the Shapes suite: the whole method, which the others change.
# python tools/train.py configs/uninext/ablations/stage2_shapes_whole.py
# All of them, two seeds each, and the table: tools/analysis_tools/ablations.py
# Images are small, those to learn from and those to evaluate on: 14 runs take an hour.
# Source: docs/ablations.md.
_base_ = '../stage2_image_shapes.py'
__resize = dict(keep_ratio=True, backend='pillow')
__learn = dict(
    __resize, type='RandomChoiceResize', scales=[(s, 320) for s in (96, 112, 128)]
)
__test_resize = dict(__resize, type='Resize', scale=(320, 128))
train_pipeline, expression_train_pipeline = (
    [__learn if step['type'] == 'RandomChoiceResize' else step for step in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.expression_train_pipeline)
)
test_pipeline, expression_test_pipeline = (
    [__test_resize if step['type'] == 'Resize' else step for step in pipeline]
    for pipeline in (_base_.test_pipeline, _base_.expression_test_pipeline)
)
__train = dict(
    coco=dict(_base_.shapes_train, pipeline=train_pipeline),
    refcoco=dict(_base_.shapes_refs_train, pipeline=expression_train_pipeline),
)
__sources = [dict(name=n, ratio=1, batch_size=8, dataset=d) for n, d in __train.items()]
train_dataloader = dict(batch_size=8, dataset=dict(sources=__sources))
__refs_val = dict(_base_.shapes_refs_val, pipeline=expression_test_pipeline)
__val = [dict(_base_.shapes_val, pipeline=test_pipeline), dict(__refs_val, indices=300)]
val_dataloader = dict(dataset=dict(datasets=__val))
test_dataloader = val_dataloader
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[330], gamma=0.1),
]
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
load_from = 'work_dirs/stage1_pretrain_shapes/iter_800.pth'
