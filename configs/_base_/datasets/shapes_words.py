# The Shapes suite in small pictures and many words: colours, textures, sizes and places
# as names of detection sets, sentences, targets. Batch sizes are such that a batch of
# every source takes about as long; configs choose their shares of the batches.
# Data: docs/shapes.md. Configs: configs/uninext/shapes_words.
_base_ = './shapes.py'
small_resize = dict(
    type='RandomChoiceResize',
    scales=[(size, 320) for size in (96, 112, 128)],
    keep_ratio=True,
    backend='pillow',
)
load_boxes = [_base_.shapes_load[0], dict(type='LoadPromptAnnotations')]
small_names = [
    *load_boxes,
    _base_.shapes_flip_resize[0],
    small_resize,
    dict(type='KeepVisibleInstances'),
    dict(type='SampleCategoryPrompt', max_negatives=6),
    dict(type='PackUninextInputs'),
]
small_sides = [*load_boxes, *small_names[3:]]  # names say left and right: no mirror
small_sentences = [
    *load_boxes,
    dict(type='SampleExpressionPrompt'),
    _base_.shapes_flip_resize[0],
    dict(type='SwapLeftRight'),
    small_resize,
    dict(type='KeepVisibleInstances'),
    dict(type='PackUninextInputs'),
]
small_flip_resize_frames = dict(
    _base_.shapes_flip_resize_frames,
    transforms=[_base_.shapes_flip_resize[0], small_resize],
)
small_sentences_frames, small_box_target_frames, small_target_frames = [
    [
        small_flip_resize_frames if s == _base_.shapes_flip_resize_frames else s
        for s in steps
    ]
    for steps in (
        _base_.shapes_sentences_frames,
        _base_.shapes_box_target_frames,
        _base_.shapes_target_frames,
    )
]
# fmt: off
__small = [  # name, batch size, files, pipeline
    ('small_sentences',    16, _base_.shapes_refs_train, small_sentences),
    ('small_attributes',   16, dict(_base_.shapes_refs_train, ann_file='annotations/refs_attributes_train.json'), small_sentences),
    ('small_rvos',          8, _base_.shapes_rvos_train, small_sentences_frames),
    ('small_coco_sot',     10, _base_.shapes_train, small_box_target_frames),
    ('small_sot',          10, _base_.shapes_sot_train, small_box_target_frames),
    ('small_vos',          10, _base_.shapes_vos_train, small_target_frames),
    ('coco',                3, _base_.shapes_train, _base_.shapes_names_frames),
    ('vis',                 3, _base_.shapes_vis_train, _base_.shapes_names_frames),
    ('mot',                 3, _base_.shapes_mot_train, _base_.shapes_names_frames),
    ('refcoco',             4, _base_.shapes_refs_train, _base_.shapes_sentences_frames),
    ('rvos',                4, _base_.shapes_rvos_train, _base_.shapes_sentences_frames),
    ('vos',                 4, _base_.shapes_vos_train, _base_.shapes_target_frames),
    ('sentences',           6, _base_.shapes_refs_train, _base_.shapes_sentences),
    ('coco_vos',            4, _base_.shapes_train, _base_.shapes_target_frames),
    ('sot',                 4, _base_.shapes_sot_train, _base_.shapes_box_target_frames),
]
__words = [  # name of the words, pipeline
    ('colors', small_names), ('textures', small_names), ('sizes', small_names),
    ('described', small_names),
    ('sides', small_sides), ('levels', small_names),
    ('kind_sides', small_sides), ('kind_levels', small_names),
    ('relative_sides', small_sides), ('relative_levels', small_names),
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
