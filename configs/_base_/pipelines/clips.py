# Pipelines that make pairs of frames: of videos, and of single images (the same image
# twice, cropped differently). A data set and a pipeline make a source:
#   dict(_base_.ovis_train, pipeline=_base_.train_pipeline)
# Names: train_pipeline: categories; expression_, target_: those; small_: smaller sides;
# near_: frames that are near each other.
# Source: arXiv 2303.06674, Table 1 of the supplementary material, and published code.
__keep = dict(type='KeepVisibleInstances')
__load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
__window = dict(
    type='RandomCrop',
    crop_type='absolute_range',
    crop_size=(384, 600),
    allow_negative_crop=True,
)
__crop = dict(
    type='RandomApplyCrop',  # both frames or none, but windows of their own
    prob=0.5,
    transforms=[dict(type='ForEachFrame', transforms=[__window])],
)
__resize = dict(type='RandomChoiceResize', keep_ratio=True, backend='pillow')
__resize_flip, __small_resize_flip = (
    dict(
        type='ForEachFrame',
        share_random_params=True,
        transforms=[dict(__resize, scales=scales), dict(type='RandomFlip', prob=0.5)],
    )
    for scales in (
        [(size, 1333) for size in range(480, 801, 32)],
        [(size, 768) for size in range(320, 641, 32)],
    )
)
train_pipeline = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=__load),
    __crop,
    __resize_flip,
    dict(type='ForEachFrame', transforms=[__keep, dict(type='SampleCategoryPrompt')]),
    dict(type='PackClipInputs'),
]
near_train_pipeline = [dict(type='SampleFramePair', frame_range=3), *train_pipeline[1:]]
__expression = [*__load, dict(type='SampleExpressionPrompt')]
expression_train_pipeline = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=__expression),
    __crop,
    __resize_flip,
    dict(type='ForEachFrame', transforms=[dict(type='SwapLeftRight'), __keep]),
    dict(type='PackClipInputs'),
]
# a target, shown in the later frame
target_train_pipeline = [
    dict(type='SampleFramePair', frame_range=200),
    dict(type='ForEachFrame', transforms=__load),
    __crop,
    __resize_flip,
    dict(type='ForEachFrame', transforms=[__keep]),
    dict(type='SampleTarget'),
    dict(type='TemplatePrompt', context=2.0, size=256),
    dict(type='PackUninextInputs'),
]
small_train_pipeline, small_expression_train_pipeline, small_target_train_pipeline = (
    [__small_resize_flip if step is __resize_flip else step for step in pipeline]
    for pipeline in (train_pipeline, expression_train_pipeline, target_train_pipeline)
)
