# AdamW with one step down, by iteration. The numbers are those of stage 2
# (UNINEXT, arXiv 2303.06674, Table 1): 16 GPUs x 2 images.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.1, norm_type=2),
    # Of several keys that a name contains, the longest counts. Weight decay is the same
    # for all parameters, norms and biases too.
    paramwise_cfg=dict(
        custom_keys=dict(
            backbone=dict(lr_mult=0.1),
            sampling_offsets=dict(lr_mult=0.1),
            text_encoder=dict(lr_mult=0.05),  # 1e-5
        )
    ),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[76658], gamma=0.1)
]
train_cfg = dict(type='ResumableIterTrainLoop', max_iters=91990, val_interval=91990)
