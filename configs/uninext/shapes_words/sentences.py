# Many words on the Shapes suite, 4th part: all sentences.
# tools/dist_train.sh configs/uninext/shapes_words/sentences.py 2 --amp \
#     --cfg-options load_from=work_dirs/attributes/iter_120.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(
    dataset=dict(
        shares=dict(
            _delete_=True,
            small_sentences=5,
            small_attributes=2,
            textures=1,
            sides=1,
            levels=1,
        )
    )
)
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=200)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=1))
