# A few videos at laptop size, as every video task sees them, and photographs as pairs.
#
# data/tiny_video/{davis,mot17}/<video>/... and
# data/tiny_video/{davis_vis,davis_sot,davis_refs,mot17}_train.json, written by
#   python tools/dataset_converters/tiny_video.py data/tiny_video --davis ... --mot17 ...
# data/photos/: as in tiny.py.
_base_ = ['./tiny.py']
tiny_video_load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
tiny_video_crop = dict(
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
tiny_video_resize_flip = dict(
    type='ForEachFrame',
    share_random_params=True,
    transforms=[
        dict(
            type='RandomChoiceResize',
            scales=_base_.tiny_scales,
            keep_ratio=True,
            backend='pillow',
        ),
        dict(type='RandomFlip', prob=0.5),
    ],
)
tiny_video_names = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=tiny_video_load),
    tiny_video_crop,
    tiny_video_resize_flip,
    dict(
        type='ForEachFrame',
        transforms=[
            dict(type='KeepVisibleInstances'),
            dict(type='SampleCategoryPrompt', max_negatives=20),
        ],
    ),
    dict(type='PackClipInputs'),
]
tiny_video_sentences = [
    dict(type='SampleFramePair', frame_range=10),
    dict(
        type='ForEachFrame',
        transforms=[*tiny_video_load, dict(type='SampleExpressionPrompt')],
    ),
    tiny_video_crop,
    tiny_video_resize_flip,
    dict(
        type='ForEachFrame',
        transforms=[dict(type='SwapLeftRight'), dict(type='KeepVisibleInstances')],
    ),
    dict(type='PackClipInputs'),
]
tiny_video_target = [
    dict(type='SampleFramePair', frame_range=200),
    dict(type='ForEachFrame', transforms=tiny_video_load),
    tiny_video_crop,
    tiny_video_resize_flip,
    dict(type='ForEachFrame', transforms=[dict(type='KeepVisibleInstances')]),
    dict(type='SampleTarget'),
    dict(type='TemplatePrompt', size=128),
    dict(type='PackUninextInputs'),
]
# the masks of the file are never read: a target is its box
tiny_video_target_boxes = [
    tiny_video_target[0],
    dict(
        type='ForEachFrame',
        transforms=[tiny_video_load[0], dict(type='LoadPromptAnnotations')],
    ),
    *tiny_video_target[2:],
]
tiny_video_vis = dict(
    type='VideoInstanceDataset',
    data_root='data/tiny_video/',
    ann_file='davis_vis_train.json',
    data_prefix=dict(img='davis/'),
    pipeline=tiny_video_names,
)
tiny_video_rvos = dict(
    type='ReferringVideoDataset',
    data_root='data/tiny_video/',
    ann_file='davis_refs_train.json',
    data_prefix=dict(img='davis/'),
    pipeline=tiny_video_sentences,
)
tiny_video_vos = dict(
    type='SingleObjectDataset',
    data_root='data/tiny_video/',
    ann_file='davis_sot_train.json',
    data_prefix=dict(img='davis/'),
    pipeline=tiny_video_target,
)
tiny_video_sot = dict(tiny_video_vos, pipeline=tiny_video_target_boxes)
tiny_video_mot = dict(
    type='VideoInstanceDataset',
    data_root='data/tiny_video/',
    ann_file='mot17_train.json',
    data_prefix=dict(img='mot17/'),
    pipeline=tiny_video_names,
)
tiny_video_coco = dict(
    _base_.tiny_train, data_root='data/photos/', pipeline=tiny_video_names
)
