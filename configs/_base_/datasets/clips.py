# Pipelines that make pairs of frames: of videos, and of single images (the same
# picture twice, cropped differently). A dataset and a pipeline make a source:
#   dict(_base_.ovis_train, pipeline=_base_.clips_names)
# Names: clips_<what is asked for>[_<frame range or sizes, where they differ>].
# Source: arXiv 2303.06674, Table 1 of the supplementary material, and published code.
clips_scales = [(size, 1333) for size in range(480, 801, 32)]
clips_scales_small = [(size, 768) for size in range(320, 641, 32)]
clips_load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
clips_crop = dict(
    type='RandomApplyCrop',  # both frames or none, but windows of their own
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
clips_resize_flip = dict(
    type='ForEachFrame',
    share_random_params=True,
    transforms=[
        dict(
            type='RandomChoiceResize',
            scales=clips_scales,
            keep_ratio=True,
            backend='pillow',
        ),
        dict(type='RandomFlip', prob=0.5),
    ],
)
clips_resize_flip_small = dict(
    type='ForEachFrame',
    share_random_params=True,
    transforms=[
        dict(
            type='RandomChoiceResize',
            scales=clips_scales_small,
            keep_ratio=True,
            backend='pillow',
        ),
        dict(type='RandomFlip', prob=0.5),
    ],
)
# category names
clips_names = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=clips_load),
    clips_crop,
    clips_resize_flip,
    dict(
        type='ForEachFrame',
        transforms=[
            dict(type='KeepVisibleInstances'),
            dict(type='SampleCategoryPrompt'),
        ],
    ),
    dict(type='PackClipInputs'),
]
clips_names_small = [*clips_names[:3], clips_resize_flip_small, *clips_names[4:]]
clips_names_near = [dict(type='SampleFramePair', frame_range=3), *clips_names[1:]]
# sentences
clips_sentences = [
    dict(type='SampleFramePair', frame_range=10),
    dict(
        type='ForEachFrame',
        transforms=[*clips_load, dict(type='SampleExpressionPrompt')],
    ),
    clips_crop,
    clips_resize_flip,
    dict(
        type='ForEachFrame',
        transforms=[dict(type='SwapLeftRight'), dict(type='KeepVisibleInstances')],
    ),
    dict(type='PackClipInputs'),
]
clips_sentences_small = [
    *clips_sentences[:3],
    clips_resize_flip_small,
    *clips_sentences[4:],
]
# a target, shown in the later frame
clips_target = [
    dict(type='SampleFramePair', frame_range=200),
    dict(type='ForEachFrame', transforms=clips_load),
    clips_crop,
    clips_resize_flip,
    dict(type='ForEachFrame', transforms=[dict(type='KeepVisibleInstances')]),
    dict(type='SampleTarget'),
    dict(type='TemplatePrompt', context=2.0, size=256),
    dict(type='PackUninextInputs'),
]
clips_target_small = [*clips_target[:3], clips_resize_flip_small, *clips_target[4:]]
