# Many words on the Shapes suite, 11th part: full size, what is asked for first.
# tools/dist_train.sh configs/uninext/shapes_words/finish.py 2 --amp
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './small.py'
load_from = 'work_dirs/full_size/iter_240.pth'
work_dir = 'work_dirs/finish'
model = dict(
    bbox_head=dict(
        loss_bbox=dict(loss_weight=2.5),
        loss_giou=dict(loss_weight=1.0),
        iou_loss_weight=0.5,
    ),
    mask_head=dict(loss_mask=dict(loss_weight=2.0), loss_dice=dict(loss_weight=5.0)),
)
# fmt: off
train_dataloader = dict(
    batch_size=6,
    dataset=dict(
        shares=dict(
            _delete_=True,
            expressions=24, rvos=12, vos=20, coco_vos=14, sot=4, coco=8, vis=10, mot=8,
        )
    )
)
# fmt: on
optim_wrapper = dict(optimizer=dict(lr=2e-4))
__ramp = dict(type='LinearLR', by_epoch=False)
param_scheduler = [
    dict(__ramp, start_factor=0.1, begin=0, end=20),
    dict(__ramp, start_factor=1.0, end_factor=0.02, begin=150, end=600),
]
train_cfg = dict(max_iters=600)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=2))
