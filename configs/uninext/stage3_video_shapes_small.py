# Stage 3 on the Shapes suite, first part: small frames, many at a time. What to look
# for and how to tell one thing from another takes many samples and few pixels.
# python tools/train.py configs/uninext/stage3_video_shapes_small.py \
#     --cfg-options load_from=work_dirs/stage2_image_shapes_sentences/iter_6000.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = './stage3_video_shapes.py'
small = dict(
    type='RandomChoiceResize',
    scales=[(size, 320) for size in (112, 128, 144, 160)],
    keep_ratio=True,
    backend='pillow',
)
flip_resize = dict(
    _base_.shapes_flip_resize_frames, transforms=[_base_.shapes_flip_resize[0], small]
)
# source -> its steps, with the same one in the place of the resizing
steps = {
    source.name: [
        flip_resize if step == _base_.shapes_flip_resize_frames else step
        for step in source.dataset.pipeline
    ]
    for source in _base_.train_dataloader.dataset.sources
}
train_dataloader = dict(
    batch_size=8,
    dataset=dict(
        sources=[
            dict(s, batch_size=8, dataset=dict(s.dataset, pipeline=steps[s.name]))
            for s in _base_.train_dataloader.dataset.sources
        ]
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[5400], gamma=0.1),
]
train_cfg = dict(max_iters=6000)
