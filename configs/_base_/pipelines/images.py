# How images are read for training, at the sizes of the paper. A data set and a
# pipeline make a source: dict(_base_.coco_train, pipeline=_base_.train_pipeline)
# Names: train_pipeline: categories, masks; boxes_: the masks of the file are never read;
# expression_: expressions.
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__load_boxes = [__load[0], dict(type='LoadPromptAnnotations')]
__flip = dict(type='RandomFlip', prob=0.5)
__crop_resize = [
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
        scales=[(size, 1333) for size in range(480, 801, 32)],
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
]
__categories = [
    __flip,
    *__crop_resize,
    dict(type='SampleCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
train_pipeline = [*__load, *__categories]
boxes_train_pipeline = [*__load_boxes, *__categories]
expression_train_pipeline = [
    *__load,
    dict(type='SampleExpressionPrompt'),
    __flip,
    dict(type='SwapLeftRight'),
    *__crop_resize,
    dict(type='PackUninextInputs'),
]
