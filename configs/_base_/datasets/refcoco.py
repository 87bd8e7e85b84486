# RefCOCO, RefCOCO+ and RefCOCOg: referring expressions on COCO train2014.
#
# data/coco/train2014/*.jpg
# data/coco/annotations/<set>/instances_<split>.json, written by
#   python tools/dataset_converters/refcoco.py REFER data/coco/annotations --mix
refcoco_scales = [(size, 1333) for size in range(480, 801, 32)]
refcoco_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='SampleExpressionPrompt'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='SwapLeftRight'),
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
        type='RandomChoiceResize',
        scales=refcoco_scales,
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='PackUninextInputs'),
]
refcoco_test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    # after resizing: ground truth stays in the frame of the original image
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='SampleExpressionPrompt'),
    dict(type='PackUninextInputs'),
]
refcoco_train = dict(
    type='ReferringDataset',
    data_root='data/coco/',
    ann_file='annotations/refcoco-mixed/instances_train.json',
    data_prefix=dict(img='train2014/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
    pipeline=refcoco_train_pipeline,
)
refcoco_val = dict(
    type='ReferringDataset',
    data_root='data/coco/',
    ann_file='annotations/refcoco-unc/instances_val.json',
    data_prefix=dict(img='train2014/'),
    test_mode=True,
    pipeline=refcoco_test_pipeline,
)
refcoco_testA = dict(
    refcoco_val, ann_file='annotations/refcoco-unc/instances_testA.json'
)
refcoco_testB = dict(
    refcoco_val, ann_file='annotations/refcoco-unc/instances_testB.json'
)
refcoco_plus_val = dict(
    refcoco_val, ann_file='annotations/refcocoplus-unc/instances_val.json'
)
refcoco_plus_testA = dict(
    refcoco_val, ann_file='annotations/refcocoplus-unc/instances_testA.json'
)
refcoco_plus_testB = dict(
    refcoco_val, ann_file='annotations/refcocoplus-unc/instances_testB.json'
)
refcoco_g_val = dict(
    refcoco_val, ann_file='annotations/refcocog-umd/instances_val.json'
)
refcoco_g_test = dict(
    refcoco_val, ann_file='annotations/refcocog-umd/instances_test.json'
)
refcoco_g_google_val = dict(
    refcoco_val, ann_file='annotations/refcocog-google/instances_val.json'
)
refcoco_val_evaluator = dict(type='ReferringMetric')
