# Pairs of frames of the Shapes suite. Names as in tiny_clips.py; small_: 96 to 128
# pixels high, never cropped.
_base_ = './tiny_clips.py'
__window = dict(
    type='RandomCrop',
    crop_type='absolute_range',
    crop_size=(160, 320),
    allow_negative_crop=True,
)
__crop = dict(
    type='RandomApplyCrop',  # both frames or none, but windows of their own
    prob=0.5,
    transforms=[dict(type='ForEachFrame', transforms=[__window])],
)
__flip_resize, __small_flip_resize = (
    dict(
        type='ForEachFrame',
        share_random_params=True,
        transforms=[
            dict(type='RandomFlip', prob=0.5),
            dict(
                type='RandomChoiceResize',
                scales=[(size, 320) for size in sizes],
                keep_ratio=True,
                backend='pillow',
            ),
        ],
    )
    for sizes in ((192, 208, 224, 240), (96, 112, 128))
)
train_pipeline, target_train_pipeline, box_target_train_pipeline = (
    [*steps[:2], __crop, __flip_resize, *steps[4:]]
    for steps in (
        _base_.train_pipeline,
        _base_.target_train_pipeline,
        _base_.box_target_train_pipeline,
    )
)
small_target_train_pipeline = [
    *_base_.target_train_pipeline[:2],
    __small_flip_resize,
    *_base_.target_train_pipeline[4:],
]
__names = dict(type='SampleCategoryPrompt', max_negatives=6, subset_prob=0.5)
train_pipeline[4] = dict(
    type='ForEachFrame', transforms=[dict(type='KeepVisibleInstances'), __names]
)
# Never cropped: an expression may need an object that the window would leave out.
expression_train_pipeline = [
    *_base_.expression_train_pipeline[:2],
    __flip_resize,
    *_base_.expression_train_pipeline[4:],
]
