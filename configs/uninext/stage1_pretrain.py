# Stage 1: detection of Objects365; masks are learned from boxes alone (BoxInst).
# tools/dist_train.sh configs/uninext/stage1_pretrain.py 32
# 32 GPUs x 2 images, 341k iterations. Not trained here.
# Source: arXiv 2303.06674, Table 1 of the supplementary material.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_r50.py',
    '../_base_/schedules/adamw_step.py',
    '../_base_/datasets/objects365v2.py',
]
model = dict(
    data_preprocessor=dict(with_color_similarity=True),
    mask_head=dict(
        with_mask_loss=False,
        loss_projection=dict(type='BoxProjectionLoss', loss_weight=1.0),
        loss_pairwise=dict(type='PairwiseAffinityLoss', loss_weight=1.0),
    ),
)
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    batch_size=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='MultiTaskDataset',
        sources=[
            dict(
                name='objects365',
                dataset=_base_.objects365v2_train,
                class_aware=True,
            )
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=_base_.objects365v2_val,
)
val_evaluator = _base_.objects365v2_val_evaluator
test_dataloader, test_evaluator = val_dataloader, val_evaluator
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[312346], gamma=0.1)
]
train_cfg = dict(max_iters=340741, val_interval=340741)
