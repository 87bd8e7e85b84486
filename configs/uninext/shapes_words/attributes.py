# Many words on the Shapes suite, 3rd part: descriptions, as names and as sentences.
# tools/dist_train.sh configs/uninext/shapes_words/attributes.py 2 --amp \
#     --cfg-options load_from=work_dirs/places/iter_120.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(
    dataset=dict(
        shares=dict(
            _delete_=True,
            small_attributes=50,
            described=10,
            colors=8,
            textures=16,
            sides=8,
            levels=8,
        )
    )
)
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=120)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=1))
