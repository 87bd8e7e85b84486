# What changes in any of the models where masks are learned from boxes alone (BoxInst,
# arXiv 2012.02310): model = _base_.pop('masks_from_boxes').
masks_from_boxes = dict(
    data_preprocessor=dict(with_color_similarity=True),
    mask_head=dict(
        with_mask_loss=False,
        loss_projection=dict(type='BoxProjectionLoss', loss_weight=1.0),
        loss_pairwise=dict(type='PairwiseAffinityLoss', loss_weight=1.0),
    ),
)
