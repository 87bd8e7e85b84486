# Proof that masks are learned from boxes: 16 photographs, no mask is ever read.
# python tools/train.py configs/uninext/stage1_pretrain_tiny_overfit.py
# Metrics and the command that makes data/photos16: docs/photographs.md.
_base_ = ['./stage2_image_tiny_overfit.py', '../_base_/models/masks_from_boxes.py']
model = _base_.pop('masks_from_boxes')
# three decoder layers count: 500 iterations
model['mask_head']['pairwise_warmup'] = 1500
boxes_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations'),
    *_base_.train_pipeline[2:],
]
__train = dict(_base_.overfit_train, pipeline=boxes_train_pipeline)
__source = dict(name='boxes', dataset=__train, batch_size=2)
train_dataloader = dict(dataset=dict(sources=[__source]))
val_dataloader = dict(dataset=dict(_delete_=True, **_base_.overfit_val))
val_evaluator = dict(_delete_=True, **_base_.overfit_val_evaluator)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[1200], gamma=0.1),
]
train_cfg = dict(max_iters=1500, val_interval=250)
