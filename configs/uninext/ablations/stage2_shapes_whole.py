# Ablations of stage 2 on the Shapes suite: the whole method, which the others change.
# python tools/train.py configs/uninext/ablations/stage2_shapes_whole.py \
#     --cfg-options load_from=CHECKPOINT_OF_STAGE_1
# All of them, three seeds each, and the table: tools/analysis_tools/ablations.py
# Images are small, those to learn from and those to evaluate on.
# Source: docs/ablations.md.
_base_ = '../stage2_image_shapes.py'
__coco = dict(_base_.shapes_train, pipeline=_base_.small_train_pipeline)
__refcoco = dict(
    _base_.shapes_refs_train, pipeline=_base_.small_expression_train_pipeline
)
__sources = [
    dict(name='coco', batch_size=8, dataset=__coco),
    dict(name='refcoco', batch_size=8, dataset=__refcoco),
]
train_dataloader = dict(dataset=dict(sources=__sources))
__val = [
    dict(_base_.shapes_val, pipeline=_base_.small_test_pipeline),
    dict(_base_.shapes_refs_val, pipeline=_base_.small_expression_test_pipeline),
]
val_dataloader = dict(dataset=dict(datasets=__val))
test_dataloader = val_dataloader
param_scheduler = [
    _base_.param_scheduler[0],
    dict(type='MultiStepLR', by_epoch=False, milestones=[330], gamma=0.1),
]
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
