# Many words on the Shapes suite, 12th and last part: full size, targets above all.
# tools/dist_train.sh configs/uninext/shapes_words/finish_targets.py 2 --amp
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './finish.py'
load_from = 'work_dirs/finish/iter_600.pth'
work_dir = 'work_dirs/finish_targets'
# fmt: off
train_dataloader = dict(
    dataset=dict(
        shares=dict(
            _delete_=True,
            expressions=16, rvos=8, vos=34, coco_vos=22, sot=2, coco=6, vis=7, mot=5,
        )
    )
)
# fmt: on
optim_wrapper = dict(optimizer=dict(lr=1.2e-4))
__ramp = dict(type='LinearLR', by_epoch=False)
param_scheduler = [
    dict(__ramp, start_factor=0.1, begin=0, end=20),
    dict(__ramp, start_factor=1.0, end_factor=0.02, begin=20, end=500),
]
train_cfg = dict(max_iters=500)
