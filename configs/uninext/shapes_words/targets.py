# Many words on the Shapes suite, 5th part: targets shown in another frame.
# tools/dist_train.sh configs/uninext/shapes_words/targets.py 2 --amp \
#     --cfg-options load_from=work_dirs/sentences/iter_200.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(
    dataset=dict(
        shares=dict(
            _delete_=True,
            small_coco_sot=5,
            small_vos=3,
            small_sot=1,
            small_attributes=1,
        )
    )
)
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=140)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=1))
