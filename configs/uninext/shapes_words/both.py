# Many words on the Shapes suite, 9th part: sentences and targets.
# tools/dist_train.sh configs/uninext/shapes_words/both.py 2 --amp \
#     --cfg-options load_from=work_dirs/targets_again/iter_130.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(
    dataset=dict(
        shares=dict(
            _delete_=True,
            small_sentences=50,
            small_coco_sot=17,
            small_vos=17,
            small_attributes=8,
            textures=8,
        )
    )
)
train_cfg = dict(max_iters=390)
default_hooks = dict(checkpoint=dict(interval=50, max_keep_ckpts=1))
