# A small set of images with boxes, masks and sentences, at laptop size.
#
# <data_root>/{train,val}/*.jpg
# <data_root>/annotations/{instances,refs}_{train,val}.json, written by
#   python tools/dataset_converters/shapes.py data/tiny          (generated scenes)
#   python tools/dataset_converters/coco_subset.py data/tiny ... (photographs)
tiny_scales = [(size, 400) for size in range(192, 289, 32)]
inference_scale = (400, 272)  # of images and videos
tiny_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomApplyCrop',
        prob=0.5,
        transforms=[
            dict(
                type='RandomChoiceResize',
                scales=[(240, 100000), (320, 100000)],
                keep_ratio=True,
                backend='pillow',
            ),
            dict(
                type='RandomCrop',
                crop_type='absolute_range',
                crop_size=(192, 288),
                allow_negative_crop=True,
            ),
        ],
    ),
    dict(
        type='RandomChoiceResize', scales=tiny_scales, keep_ratio=True, backend='pillow'
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=20),
    dict(type='PackUninextInputs'),
]
tiny_refs_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='SampleExpressionPrompt'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='SwapLeftRight'),
    dict(
        type='RandomChoiceResize', scales=tiny_scales, keep_ratio=True, backend='pillow'
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='PackUninextInputs'),
]
tiny_test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=inference_scale, keep_ratio=True, backend='pillow'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='AllCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
tiny_refs_test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=inference_scale, keep_ratio=True, backend='pillow'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='SampleExpressionPrompt'),
    dict(type='PackUninextInputs'),
]
tiny_train = dict(
    type='PromptCocoDataset',
    data_root='data/tiny/',
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True),
    pipeline=tiny_train_pipeline,
)
# Stage 1: the masks of the file are never read.
tiny_boxes_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations'),
    *tiny_train_pipeline[2:],
]
tiny_boxes_train = dict(tiny_train, pipeline=tiny_boxes_train_pipeline)
tiny_refs_train = dict(
    type='ReferringDataset',
    data_root='data/tiny/',
    ann_file='annotations/refs_train.json',
    data_prefix=dict(img='train/'),
    pipeline=tiny_refs_train_pipeline,
)
tiny_val = dict(
    type='PromptCocoDataset',
    data_root='data/tiny/',
    ann_file='annotations/instances_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
    pipeline=tiny_test_pipeline,
)
tiny_refs_val = dict(
    type='ReferringDataset',
    data_root='data/tiny/',
    ann_file='annotations/refs_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
    pipeline=tiny_refs_test_pipeline,
)
tiny_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/tiny/annotations/instances_val.json',
    metric=['bbox', 'segm'],
)
tiny_refs_val_evaluator = dict(type='ReferringMetric')
