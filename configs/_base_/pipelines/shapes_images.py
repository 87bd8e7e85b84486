# How images of the Shapes suite are read for training. Names as in images.py.
_base_ = './images.py'
__resize = dict(
    type='RandomChoiceResize',
    scales=[(size, 320) for size in (192, 208, 224, 240)],
    keep_ratio=True,
    backend='pillow',
)
__last = [
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=6),
    dict(type='PackUninextInputs'),
]
train_pipeline, boxes_train_pipeline = (  # load and flip are those of images.py
    [*steps[:3], __resize, *__last]
    for steps in (_base_.train_pipeline, _base_.boxes_train_pipeline)
)
expression_train_pipeline = [
    *_base_.expression_train_pipeline[:5],
    __resize,
    *_base_.expression_train_pipeline[-2:],
]
