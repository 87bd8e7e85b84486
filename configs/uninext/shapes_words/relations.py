# Many words on the Shapes suite, 6th part: places relative to others of a kind, and to other kinds.
# tools/dist_train.sh configs/uninext/shapes_words/relations.py 2 --amp \
#     --cfg-options load_from=work_dirs/targets/iter_140.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(
    dataset=dict(
        shares=dict(
            _delete_=True,
            kind_sides=14,
            kind_levels=14,
            relative_sides=25,
            relative_levels=25,
            small_sentences=22,
        )
    )
)
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=200)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=1))
