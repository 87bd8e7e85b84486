# Stage 3 on the Shapes suite goes on: many small pictures at a time. Which object a
# sentence or a template means takes ten times as many samples as what an object is,
# and few pixels; the full size goes on beside it.
# tools/dist_train.sh configs/uninext/stage3_video_shapes_small.py 2 --amp \
#     --cfg-options load_from=work_dirs/stage3_video_shapes/iter_2400.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = './stage3_video_shapes.py'
model = dict(bbox_head=dict(loss_retrieval=dict(loss_weight=4.0)))
small_resize = dict(
    type='RandomChoiceResize',
    scales=[(size, 320) for size in (96, 112, 128)],
    keep_ratio=True,
    backend='pillow',
)
load_boxes = [_base_.shapes_load[0], dict(type='LoadPromptAnnotations')]
small_flip_resize_frames = dict(
    _base_.shapes_flip_resize_frames,
    transforms=[_base_.shapes_flip_resize[0], small_resize],
)
small_sentences = [
    *load_boxes,
    dict(type='SampleExpressionPrompt'),
    _base_.shapes_flip_resize[0],
    dict(type='SwapLeftRight'),
    small_resize,
    dict(type='KeepVisibleInstances'),
    dict(type='PackUninextInputs'),
]
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
__sources = [  # name, share of the batches, batch size (all take as long), files
    ('small_refcoco',  0.32, 16, dict(_base_.shapes_refs_train, pipeline=small_sentences)),
    ('small_coco_sot', 0.14, 10, dict(_base_.shapes_train, pipeline=small_box_target_frames)),
    ('small_sot',      0.08, 10, dict(_base_.shapes_sot_train, pipeline=small_box_target_frames)),
    ('small_vos',      0.14, 10, dict(_base_.shapes_vos_train, pipeline=small_target_frames)),
    ('small_rvos',     0.09,  8, dict(_base_.shapes_rvos_train, pipeline=small_sentences_frames)),
    ('coco',           0.05,  3, dict(_base_.shapes_train, pipeline=_base_.shapes_names_frames)),
    ('vis',            0.04,  3, _base_.shapes_vis_train),
    ('mot',            0.05,  3, _base_.shapes_mot_train),
    ('refcoco',        0.03,  4, dict(_base_.shapes_refs_train, pipeline=_base_.shapes_sentences_frames)),
    ('vos',            0.03,  4, _base_.shapes_vos_train),
    ('rvos',           0.03,  4, _base_.shapes_rvos_train),
]
# fmt: on
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        sources=[
            dict(name=name, ratio=share * size, batch_size=size, dataset=files)
            for name, share, size, files in __sources
        ]
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[3600], gamma=0.1),
]
optim_wrapper = dict(optimizer=dict(lr=4e-4))
train_cfg = dict(max_iters=4200)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=3))
