# How images of the Shapes suite are read for training. Names as in images.py; small_: 96
# to 128 pixels high; sided_: the same, never mirrored, for categories that say left and
# right; names_: small, and for names alone: boxes and masks are learned from whole ones.
_base_ = './images.py'
__resize, __small_resize = (
    dict(
        type='RandomChoiceResize',
        scales=[(size, 320) for size in sizes],
        keep_ratio=True,
        backend='pillow',
    )
    for sizes in ((192, 208, 224, 240), (96, 112, 128))
)
__last = [
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=6, subset_prob=0.5),
    dict(type='PackUninextInputs'),
]
train_pipeline, boxes_train_pipeline = (  # load and flip are those of images.py
    [*steps[:3], __resize, *__last]
    for steps in (_base_.train_pipeline, _base_.boxes_train_pipeline)
)
small_train_pipeline, small_boxes_train_pipeline = (
    [*steps[:3], __small_resize, *__last]
    for steps in (_base_.train_pipeline, _base_.boxes_train_pipeline)
)
sided_boxes_train_pipeline = [
    *_base_.boxes_train_pipeline[:2],
    __small_resize,
    *__last,
]
expression_train_pipeline, small_expression_train_pipeline = (
    [
        *_base_.expression_train_pipeline[:5],
        resize,
        *_base_.expression_train_pipeline[-2:],
    ]
    for resize in (__resize, __small_resize)
)
names_train_pipeline, expression_names_train_pipeline = (
    [*steps[:-1], dict(type='PackUninextInputs', names_only=True)]
    for steps in (small_train_pipeline, small_expression_train_pipeline)
)
