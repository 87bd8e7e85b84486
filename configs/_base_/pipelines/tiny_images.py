# How images are read at laptop size, for training and validation. Names as in images.py.
_base_ = './images.py'
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
__resize = dict(
    type='RandomChoiceResize',
    scales=[(size, 400) for size in range(192, 289, 32)],
    keep_ratio=True,
    backend='pillow',
)
__last = [
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=20),
    dict(type='PackUninextInputs'),
]
train_pipeline, boxes_train_pipeline = (  # load and flip are those of images.py
    [*steps[:3], __crop, __resize, *__last]
    for steps in (_base_.train_pipeline, _base_.boxes_train_pipeline)
)
expression_train_pipeline = [
    *_base_.expression_train_pipeline[:5],
    __resize,
    *_base_.expression_train_pipeline[-2:],
]
test_pipeline, expression_test_pipeline = (
    [
        dict(type='LoadImageOrExplain'),
        dict(type='Resize', scale=(400, 272), keep_ratio=True, backend='pillow'),
        dict(type='LoadPromptAnnotations', with_mask=True),
        dict(type=prompt),
        dict(type='PackUninextInputs'),
    ]
    for prompt in ('AllCategoryPrompt', 'SampleExpressionPrompt')
)
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=1, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False)
)
