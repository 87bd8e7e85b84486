# Stage 2 on the Shapes suite goes on: sixteen small pictures at a time, since what
# "leftmost" and "above" mean takes tens of thousands of sentences and few pixels.
# python tools/train.py configs/uninext/stage2_image_shapes_sentences.py \
#     --cfg-options load_from=work_dirs/stage2_image_shapes/iter_2400.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes.py.
_base_ = './stage2_image_shapes.py'
model = dict(bbox_head=dict(loss_retrieval=dict(loss_weight=4.0)))
small_sentences = [
    *_base_.shapes_load,
    dict(type='SampleExpressionPrompt'),
    _base_.shapes_flip_resize[0],
    dict(type='SwapLeftRight'),
    dict(
        type='RandomChoiceResize',
        scales=[(size, 320) for size in (112, 128, 144, 160)],
        keep_ratio=True,
        backend='pillow',
    ),
    dict(type='KeepVisibleInstances'),
    dict(type='PackUninextInputs'),
]
small_refs_train = dict(_base_.shapes_refs_train, pipeline=small_sentences)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        sources=[
            *_base_.train_dataloader.dataset.sources,
            dict(name='small', ratio=4, batch_size=16, dataset=small_refs_train),
        ]
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, milestones=[5000], gamma=0.1),
]
train_cfg = dict(max_iters=6000, val_interval=1000)
