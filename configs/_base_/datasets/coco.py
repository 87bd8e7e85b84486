# COCO 2017 detection and instance segmentation.
#
# data/coco/{train2017,val2017}/*.jpg
# data/coco/annotations/instances_{train,val}2017.json
coco_scales = [(size, 1333) for size in range(480, 801, 32)]
coco_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomApplyCrop',
        prob=0.5,
        transforms=[
            dict(
                type='RandomChoiceResize',
                scales=[(400, 100000), (500, 100000), (600, 100000)],
                keep_ratio=True,
                backend='pillow',
            ),
            dict(
                type='RandomCrop',
                crop_type='absolute_range',
                crop_size=(384, 600),
                allow_negative_crop=True,
            ),
        ],
    ),
    dict(
        type='RandomChoiceResize', scales=coco_scales, keep_ratio=True, backend='pillow'
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
coco_test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    # after resizing: ground truth stays in the frame of the original image
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='AllCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
coco_train = dict(
    type='PromptCocoDataset',
    data_root='data/coco/',
    ann_file='annotations/instances_train2017.json',
    data_prefix=dict(img='train2017/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
    pipeline=coco_train_pipeline,
)
coco_val = dict(
    type='PromptCocoDataset',
    data_root='data/coco/',
    ann_file='annotations/instances_val2017.json',
    data_prefix=dict(img='val2017/'),
    test_mode=True,
    pipeline=coco_test_pipeline,
)
coco_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/coco/annotations/instances_val2017.json',
    metric=['bbox', 'segm'],
)
