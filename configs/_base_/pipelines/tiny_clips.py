# Pairs of frames at laptop size. Names as in clips.py; box_target_: the masks of the file
# are never read, a target is its box.
_base_ = './clips.py'
for __name in ('small', 'near', 'small_expression', 'small_target'):
    _base_.pop(f'{__name}_train_pipeline')
__resize_flip = dict(
    type='ForEachFrame',
    share_random_params=True,
    transforms=[
        dict(
            type='RandomChoiceResize',
            scales=[(size, 400) for size in range(192, 289, 32)],
            keep_ratio=True,
            backend='pillow',
        ),
        dict(type='RandomFlip', prob=0.5),
    ],
)
# pair, load, crop, resize and flip, what is left of the objects, pack
__keep = dict(type='KeepVisibleInstances')
__names = dict(type='SampleCategoryPrompt', max_negatives=20)
train_pipeline = [
    *_base_.train_pipeline[:3],
    __resize_flip,
    dict(type='ForEachFrame', transforms=[__keep, __names]),
    dict(type='PackClipInputs'),
]
expression_train_pipeline = [
    *_base_.expression_train_pipeline[:3],
    __resize_flip,
    *_base_.expression_train_pipeline[4:],
]
__boxes = [dict(type='LoadImageOrExplain'), dict(type='LoadPromptAnnotations')]
__pair, __load, __crop = _base_.target_train_pipeline[:3]
target_train_pipeline, box_target_train_pipeline = (
    [
        __pair,
        load,
        __crop,
        __resize_flip,
        dict(type='ForEachFrame', transforms=[__keep]),
        dict(type='SampleTarget'),
        dict(type='TemplatePrompt', size=128),
        dict(type='PackUninextInputs'),
    ]
    for load in (__load, dict(type='ForEachFrame', transforms=__boxes))
)
