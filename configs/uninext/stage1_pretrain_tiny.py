# Stage 1 for a laptop: detection, and masks learned from boxes alone, on 2 CPU cores.
# python tools/dataset_converters/shapes.py data/tiny && \
#     python tools/train.py configs/uninext/stage1_pretrain_tiny.py
# Figures: docs/photographs.md.
_base_ = './stage2_image_tiny.py'
model = dict(
    data_preprocessor=dict(with_color_similarity=True),
    mask_head=dict(
        with_mask_loss=False,
        loss_projection=dict(type='BoxProjectionLoss', loss_weight=1.0),
        loss_pairwise=dict(type='PairwiseAffinityLoss', loss_weight=1.0),
    ),
)
__train = dict(_base_.tiny_train, pipeline=_base_.boxes_train_pipeline)
__val = dict(_base_.tiny_val, pipeline=_base_.test_pipeline)
train_dataloader = dict(
    dataset=dict(
        sources=[
            dict(name='objects365', dataset=__train, batch_size=2, class_aware=True)
        ]
    )
)
val_dataloader = dict(dataset=dict(_delete_=True, **__val))
val_evaluator = dict(_delete_=True, **_base_.tiny_val_evaluator)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
