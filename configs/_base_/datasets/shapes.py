# The Shapes suite, as every stage and task sees it. Pictures and frames: 320 x 240.
#
# data/shapes/, written by (docs/shapes.md)
#   python tools/dataset_converters/shapes.py data/shapes --num-train 4000 \
#       --num-val 200 --videos 300 30 --size 320 240 --frames 16
# Names: shapes_<what is asked for>[_frames: pairs of frames].
inference_scale = (320, 240)  # of images and videos
shapes_scales = [(size, 320) for size in (192, 208, 224, 240)]
shapes_load = [
    dict(type='LoadImageOrExplain'),
    dict(type='LoadPromptAnnotations', with_mask=True),
]
shapes_flip_resize = [
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoiceResize',
        scales=shapes_scales,
        keep_ratio=True,
        backend='pillow',
    ),
]
# ---------------------------------------------------------------- stage 2: pictures
shapes_names = [
    *shapes_load,
    *shapes_flip_resize,
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=6),
    dict(type='PackUninextInputs'),
]
shapes_sentences = [
    *shapes_load,
    dict(type='SampleExpressionPrompt'),
    shapes_flip_resize[0],
    dict(type='SwapLeftRight'),
    shapes_flip_resize[1],
    dict(type='KeepVisibleInstances'),
    dict(type='PackUninextInputs'),
]
# ---------------------------------------------- stage 3: pairs of frames, of pictures
shapes_crop = dict(
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
shapes_flip_resize_frames = dict(
    type='ForEachFrame', share_random_params=True, transforms=shapes_flip_resize
)
shapes_names_frames = [
    dict(type='SampleFramePair', frame_range=10),
    dict(type='ForEachFrame', transforms=shapes_load),
    shapes_crop,
    shapes_flip_resize_frames,
    dict(
        type='ForEachFrame',
        transforms=[
            dict(type='KeepVisibleInstances'),
            dict(type='SampleCategoryPrompt', max_negatives=6),
        ],
    ),
    dict(type='PackClipInputs'),
]
# Never cropped: a sentence may need an object that the window would leave out.
shapes_sentences_frames = [
    dict(type='SampleFramePair', frame_range=10),
    dict(
        type='ForEachFrame',
        transforms=[*shapes_load, dict(type='SampleExpressionPrompt')],
    ),
    shapes_flip_resize_frames,
    dict(
        type='ForEachFrame',
        transforms=[dict(type='SwapLeftRight'), dict(type='KeepVisibleInstances')],
    ),
    dict(type='PackClipInputs'),
]
shapes_target_frames = [
    dict(type='SampleFramePair', frame_range=200),
    dict(type='ForEachFrame', transforms=shapes_load),
    shapes_crop,
    shapes_flip_resize_frames,
    dict(type='ForEachFrame', transforms=[dict(type='KeepVisibleInstances')]),
    dict(type='SampleTarget'),
    dict(type='TemplatePrompt', size=128),
    dict(type='PackUninextInputs'),
]
# SOT: the masks of the file are never read, a target is its box.
shapes_box_target_frames = [
    shapes_target_frames[0],
    dict(
        type='ForEachFrame',
        transforms=[shapes_load[0], dict(type='LoadPromptAnnotations')],
    ),
    *shapes_target_frames[2:],
]
# --------------------------------------------------------------------------- files
shapes_train = dict(
    type='PromptCocoDataset',
    data_root='data/shapes/',
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True),
    pipeline=shapes_names,
)
shapes_refs_train = dict(
    type='ReferringDataset',
    data_root='data/shapes/',
    ann_file='annotations/refs_train.json',
    data_prefix=dict(img='train/'),
    pipeline=shapes_sentences,
)
shapes_vis_train = dict(
    type='VideoInstanceDataset',
    data_root='data/shapes/',
    ann_file='vis_train.json',
    data_prefix=dict(img='videos/train/'),
    pipeline=shapes_names_frames,
)
shapes_mot_train = dict(shapes_vis_train, ann_file='mot_train.json')
shapes_rvos_train = dict(
    shapes_vis_train,
    type='ReferringVideoDataset',
    ann_file='refs_train.json',
    pipeline=shapes_sentences_frames,
)
shapes_vos_train = dict(
    shapes_vis_train,
    type='SingleObjectDataset',
    ann_file='vos_train.json',
    pipeline=shapes_target_frames,
)
shapes_sot_train = dict(
    shapes_vos_train, ann_file='sot_train.json', pipeline=shapes_box_target_frames
)
# ------------------------------------------------------------------ tests: pictures
shapes_test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=inference_scale, keep_ratio=True, backend='pillow'),
    dict(type='LoadPromptAnnotations', with_mask=True),
    dict(type='AllCategoryPrompt'),
    dict(type='PackUninextInputs'),
]
shapes_refs_test_pipeline = [
    *shapes_test_pipeline[:3],
    dict(type='SampleExpressionPrompt'),
    dict(type='PackUninextInputs'),
]
shapes_val = dict(
    type='PromptCocoDataset',
    data_root='data/shapes/',
    ann_file='annotations/instances_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
    pipeline=shapes_test_pipeline,
)
shapes_refs_val = dict(
    type='ReferringDataset',
    data_root='data/shapes/',
    ann_file='annotations/refs_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
    pipeline=shapes_refs_test_pipeline,
)
shapes_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/shapes/annotations/instances_val.json',
    metric=['bbox', 'segm'],
)
shapes_refs_val_evaluator = dict(type='ReferringMetric')
