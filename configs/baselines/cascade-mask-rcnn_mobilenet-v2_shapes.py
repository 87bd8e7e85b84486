# A baseline of the Shapes benchmark: mmdet's Cascade Mask R-CNN on the same images, from
# the same ImageNet weights, for OD and IS. Needs mmcv's compiled ops.
# python tools/train.py configs/baselines/cascade-mask-rcnn_mobilenet-v2_shapes.py
# Source: docs/shapes_benchmark.md; data: configs/_base_/datasets/shapes.py.
_base_ = [
    'mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py',
    '../_base_/default_runtime.py',
    '../_base_/datasets/shapes.py',
]
__classes = ('circle', 'square', 'triangle', 'star', 'ring', 'cross')
__heads = _base_.model.roi_head.bbox_head
model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(1, 2, 4, 6),
        norm_eval=True,
        init_cfg=dict(type='PackagedImageNet'),
    ),
    neck=dict(in_channels=[24, 32, 96, 320]),
    roi_head=dict(
        bbox_head=[dict(head, num_classes=len(__classes)) for head in __heads],
        mask_head=dict(num_classes=len(__classes)),
    ),
)
__load = dict(type='LoadImageFromFile')
__resize = dict(keep_ratio=True, backend='pillow')
__train_pipeline = [
    __load,
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoiceResize',
        scales=[(320, size) for size in (192, 208, 224, 240)],
        **__resize,
    ),
    dict(type='PackDetInputs'),
]
__test_pipeline = [
    __load,
    dict(type='Resize', scale=_base_.inference_scale, **__resize),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs'),
]
__coco = dict(type='CocoDataset', metainfo=dict(classes=__classes))
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(_base_.shapes_train, **__coco, pipeline=__train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(_base_.shapes_val, **__coco, pipeline=__test_pipeline),
)
val_evaluator = _base_.shapes_val_evaluator
test_dataloader, test_evaluator = val_dataloader, val_evaluator
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=4e-4, weight_decay=1e-4)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[4500], gamma=0.1),
]
train_cfg = dict(type='ResumableIterTrainLoop', max_iters=5500, val_interval=5500)
custom_hooks = [dict(type='FiniteHook')]
