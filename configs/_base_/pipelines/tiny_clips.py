# Pairs of frames at laptop size. Names as in clips.py; box_target_: the masks of the file
# are never read, a target is its box.
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__crop = dict(
    type='RandomApplyCrop',
    prob=0.5,
    transforms=[
        dict(
            type='ForEachFrame',
            transforms=[
                dict(
                    type='RandomCrop',
                    crop_type='absolute_range',
                    crop_size=(384, 600),
                    allow_negative_crop=True,
                )
            ],
        )
    ],
)
__resize_flip = dict(
    type='ForEachFrame',
    share_random_params=True,
    transforms=[
        dict(
            type='RandomChoiceResize',
            scales=[(size, 400) for size in range(192, 289, 32)],
            keep_ratio=True,
            backend='pillow',
        ),
        dict(type='RandomFlip', prob=0.5),
    ],
)
train_pipeline = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=__load),
    __crop,
    __resize_flip,
    dict(
        type='ForEachFrame',
        transforms=[
            dict(type='KeepVisibleInstances'),
            dict(type='SampleCategoryPrompt', max_negatives=20),
        ],
    ),
    dict(type='PackClipInputs'),
]
expression_train_pipeline = [
    dict(type='SampleFramePair', frame_range=10),
    dict(
        type='ForEachFrame',
        transforms=[*__load, dict(type='SampleExpressionPrompt')],
    ),
    __crop,
    __resize_flip,
    dict(
        type='ForEachFrame',
        transforms=[dict(type='SwapLeftRight'), dict(type='KeepVisibleInstances')],
    ),
    dict(type='PackClipInputs'),
]
target_train_pipeline, box_target_train_pipeline = (
    [
        dict(type='SampleFramePair', frame_range=200),
        dict(type='ForEachFrame', transforms=load),
        __crop,
        __resize_flip,
        dict(type='ForEachFrame', transforms=[dict(type='KeepVisibleInstances')]),
        dict(type='SampleTarget'),
        dict(type='TemplatePrompt', size=128),
        dict(type='PackUninextInputs'),
    ]
    for load in (__load, [__load[0], dict(type='LoadPromptAnnotations')])
)
