# Stage 1 on the Shapes suite: boxes only, masks learned from them, on 2 CPU cores.
# python tools/dataset_converters/shapes.py data/shapes --num-train 4000 --num-val 200 \
#     --videos 300 30 --size 320 240 --frames 16 && \
#     python tools/train.py configs/uninext/stage1_pretrain_shapes.py
# Source: docs/shapes.md.
_base_ = './stage1_pretrain_tiny.py'
model = dict(mask_head=dict(pairwise_warmup=3000))
shapes_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoiceResize',
        scales=[(size, 320) for size in (192, 208, 224, 240)],
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=6),
    dict(type='PackUninextInputs'),
]
shapes_train = dict(
    _base_.tiny_boxes_train,
    data_root='data/shapes/',
    pipeline=shapes_train_pipeline,
)
shapes_val = dict(_base_.tiny_val, data_root='data/shapes/')
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        sources=[dict(name='objects365', dataset=shapes_train, class_aware=True)]
    ),
)
val_dataloader = dict(dataset=dict(_delete_=True, **shapes_val))
val_evaluator = dict(ann_file='data/shapes/annotations/instances_val.json')
test_dataloader, test_evaluator = val_dataloader, val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=4e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
]
train_cfg = dict(max_iters=800, val_interval=800)
default_hooks = dict(checkpoint=dict(interval=400))
