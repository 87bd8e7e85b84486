# AdamW with one step down, by iteration. The numbers are those of stage 3
# (UNINEXT, arXiv 2303.06674, Table 1): 16 GPUs x 2 pairs of frames.
_base_ = './adamw_step.py'
# The text encoder is frozen; its rate counts if that is changed.
optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(custom_keys=dict(text_encoder=dict(lr_mult=0.1))),  # 1e-5
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[150000], gamma=0.1)
]
train_cfg = dict(max_iters=180000, val_interval=180000)
# Not evaluated while training: a checkpoint is, with the configs of uninext/eval/.
