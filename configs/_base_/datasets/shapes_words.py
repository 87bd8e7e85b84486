# The Shapes suite in small images and many words: colours, textures, sizes and places
# as names of detection sets, expressions, targets. Batch sizes are such that a batch of
# every source takes about as long; configs choose their shares of the batches.
# Data: docs/shapes.md. Configs: configs/uninext/shapes_words.
_base_ = ['./shapes.py', '../pipelines/shapes_clips.py']
__load_boxes = [dict(type='LoadImageOrExplain'), dict(type='LoadPromptAnnotations')]
__flip = dict(type='RandomFlip', prob=0.5)
__resize, __small_resize = (
    dict(
        type='RandomChoiceResize',
        scales=[(size, 320) for size in sizes],
        keep_ratio=True,
        backend='pillow',
    )
    for sizes in ((192, 208, 224, 240), (96, 112, 128))
)
__small_sides = [  # names say left and right: no mirror
    *__load_boxes,
    __small_resize,
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=6),
    dict(type='PackUninextInputs'),
]
__small_categories = [*__load_boxes, __flip, *__small_sides[2:]]
__expressions, __small_expressions = (
    [
        *load,
        dict(type='SampleExpressionPrompt'),
        __flip,
        dict(type='SwapLeftRight'),
        resize,
        dict(type='KeepVisibleInstances'),
        dict(type='PackUninextInputs'),
    ]
    for load, resize in (
        (_base_.target_train_pipeline[1]['transforms'], __resize),
        (__load_boxes, __small_resize),
    )
)
__flip_resize = dict(
    type='ForEachFrame', share_random_params=True, transforms=[__flip, __resize]
)
__small_flip_resize = dict(__flip_resize, transforms=[__flip, __small_resize])
__small_expression_frames, __small_box_target_frames, __small_target_frames = (
    [__small_flip_resize if step == __flip_resize else step for step in pipeline]
    for pipeline in (
        _base_.expression_train_pipeline,
        _base_.box_target_train_pipeline,
        _base_.target_train_pipeline,
    )
)
# fmt: off
__small = [  # name, batch size, files, pipeline
    ('small_expressions',    16, _base_.shapes_refs_train, __small_expressions),
    ('small_attributes',   16, dict(_base_.shapes_refs_train, ann_file='annotations/refs_attributes_train.json'), __small_expressions),
    ('small_rvos',          8, _base_.shapes_rvos_train, __small_expression_frames),
    ('small_coco_sot',     10, _base_.shapes_train, __small_box_target_frames),
    ('small_sot',          10, _base_.shapes_sot_train, __small_box_target_frames),
    ('small_vos',          10, _base_.shapes_vos_train, __small_target_frames),
    ('coco',                3, _base_.shapes_train, _base_.train_pipeline),
    ('vis',                 3, _base_.shapes_vis_train, _base_.train_pipeline),
    ('mot',                 3, _base_.shapes_mot_train, _base_.train_pipeline),
    ('refcoco',             4, _base_.shapes_refs_train, _base_.expression_train_pipeline),
    ('rvos',                4, _base_.shapes_rvos_train, _base_.expression_train_pipeline),
    ('vos',                 4, _base_.shapes_vos_train, _base_.target_train_pipeline),
    ('expressions',           6, _base_.shapes_refs_train, __expressions),
    ('coco_vos',            4, _base_.shapes_train, _base_.target_train_pipeline),
    ('sot',                 4, _base_.shapes_sot_train, _base_.box_target_train_pipeline),
]
__words = [  # name of the words, pipeline
    ('colors', __small_categories), ('textures', __small_categories), ('sizes', __small_categories),
    ('described', __small_categories),
    ('sides', __small_sides), ('levels', __small_categories),
    ('kind_sides', __small_sides), ('kind_levels', __small_categories),
    ('relative_sides', __small_sides), ('relative_levels', __small_categories),
]
# fmt: on
shapes_sources = [
    dict(name=name, batch_size=size, dataset=dict(files, pipeline=steps))
    for name, size, files, steps in __small
]
shapes_sources += [
    dict(
        name=name,
        batch_size=14,
        dataset=dict(
            _base_.shapes_train,
            ann_file=f'annotations/instances_{name}_train.json',
            pipeline=steps,
        ),
    )
    for name, steps in __words
]
