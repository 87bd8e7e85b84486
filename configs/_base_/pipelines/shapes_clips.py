# Pairs of frames of the Shapes suite. Names as in clips.py; box_target_: the masks of the
# file are never read, a target is its box.
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__crop = dict(
    type='RandomApplyCrop',  # both frames or none, but windows of their own
    prob=0.5,
    transforms=[
        dict(
            type='ForEachFrame',
            transforms=[
                dict(
                    type='RandomCrop',
                    crop_type='absolute_range',
                    crop_size=(160, 320),
                    allow_negative_crop=True,
                )
            ],
        )
    ],
)
__flip_resize = dict(
    type='ForEachFrame',
    share_random_params=True,
    transforms=[
        dict(type='RandomFlip', prob=0.5),
        dict(
            type='RandomChoiceResize',
            scales=[(size, 320) for size in (192, 208, 224, 240)],
            keep_ratio=True,
            backend='pillow',
        ),
    ],
)
train_pipeline = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=__load),
    __crop,
    __flip_resize,
    dict(
        type='ForEachFrame',
        transforms=[
            dict(type='KeepVisibleInstances'),
            dict(type='SampleCategoryPrompt', max_negatives=6),
        ],
    ),
    dict(type='PackClipInputs'),
]
# Never cropped: an expression may need an object that the window would leave out.
expression_train_pipeline = [
    dict(type='SampleFramePair', frame_range=10),
    dict(
        type='ForEachFrame',
        transforms=[*__load, dict(type='SampleExpressionPrompt')],
    ),
    __flip_resize,
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
        __flip_resize,
        dict(type='ForEachFrame', transforms=[dict(type='KeepVisibleInstances')]),
        dict(type='SampleTarget'),
        dict(type='TemplatePrompt', size=128),
        dict(type='PackUninextInputs'),
    ]
    for load in (__load, [__load[0], dict(type='LoadPromptAnnotations')])
)
