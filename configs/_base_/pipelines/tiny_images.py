# How images are read at laptop size, for training and validation. Names as in images.py.
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__load_boxes = [__load[0], dict(type='LoadPromptAnnotations')]
__flip = dict(type='RandomFlip', prob=0.5)
__crop = dict(
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
)
__resize = [
    dict(
        type='RandomChoiceResize',
        scales=[(size, 400) for size in range(192, 289, 32)],
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
]
__categories = [
    __flip,
    __crop,
    *__resize,
    dict(type='SampleCategoryPrompt', max_negatives=20),
    dict(type='PackUninextInputs'),
]
train_pipeline = [*__load, *__categories]
boxes_train_pipeline = [*__load_boxes, *__categories]
expression_train_pipeline = [
    *__load,
    dict(type='SampleExpressionPrompt'),
    __flip,
    dict(type='SwapLeftRight'),
    *__resize,
    dict(type='PackUninextInputs'),
]
test_pipeline, expression_test_pipeline = (
    [
        dict(type='LoadImageOrExplain'),
        dict(type='Resize', scale=(400, 272), keep_ratio=True, backend='pillow'),
        __load[1],
        dict(type=prompt),
        dict(type='PackUninextInputs'),
    ]
    for prompt in ('AllCategoryPrompt', 'SampleExpressionPrompt')
)
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=1, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False)
)
