# Objects365 v2 detection: boxes of 365 categories.
#
# data/Objects365/Obj365_v2/{train,val}/patch*/*.jpg
# data/Objects365/Obj365_v2/annotations/zhiyuan_objv2_{train,val}.json
objects365v2_scales = [(size, 1333) for size in range(480, 801, 32)]
objects365v2_train_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations'),
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
        type='RandomChoiceResize',
        scales=objects365v2_scales,
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
objects365v2_test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    # after resizing: ground truth stays in the frame of the original image
    dict(type='LoadPromptAnnotations'),
    dict(type='AllCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
objects365v2_train = dict(
    type='PromptObjects365V2Dataset',
    data_root='data/Objects365/Obj365_v2/',
    ann_file='annotations/zhiyuan_objv2_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
    pipeline=objects365v2_train_pipeline,
)
objects365v2_val = dict(
    type='PromptObjects365V2Dataset',
    data_root='data/Objects365/Obj365_v2/',
    ann_file='annotations/zhiyuan_objv2_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
    pipeline=objects365v2_test_pipeline,
)
objects365v2_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/Objects365/Obj365_v2/annotations/zhiyuan_objv2_val.json',
    metric=['bbox'],
)
