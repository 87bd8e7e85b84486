# Many words on the Shapes suite, 8th part: targets again.
# tools/dist_train.sh configs/uninext/shapes_words/targets_again.py 2 --amp \
#     --cfg-options load_from=work_dirs/all/iter_200.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(
    dataset=dict(
        shares=dict(_delete_=True, small_coco_sot=50, small_vos=35, small_sot=15)
    )
)
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=130)
default_hooks = dict(checkpoint=dict(interval=65, max_keep_ckpts=1))
