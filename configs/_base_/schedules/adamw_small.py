# AdamW for small models that learn from little, at once and faster than a large one:
# less weight decay, a backbone that moves, a warm-up. docs/shapes.md
_base_ = './adamw_step.py'
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
warm_up = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100)
