# How images of the Shapes suite are read for training. Names as in images.py.
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__flip = dict(type='RandomFlip', prob=0.5)
__resize = [
    dict(
        type='RandomChoiceResize',
        scales=[(size, 320) for size in (192, 208, 224, 240)],
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
]
train_pipeline, boxes_train_pipeline = (
    [
        *load,
        __flip,
        *__resize,
        dict(type='SampleCategoryPrompt', max_negatives=6),
        dict(type='PackUninextInputs'),
    ]
    for load in (__load, [__load[0], dict(type='LoadPromptAnnotations')])
)
expression_train_pipeline = [
    *__load,
    dict(type='SampleExpressionPrompt'),
    __flip,
    dict(type='SwapLeftRight'),
    *__resize,
    dict(type='PackUninextInputs'),
]
