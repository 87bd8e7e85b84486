# Many words on the Shapes suite, 1st part: what colours and textures are.
# tools/dist_train.sh configs/uninext/shapes_words/looks.py 2 --amp \
#     --cfg-options load_from=work_dirs/stage3_video_shapes/iter_2400.pth
# Source: docs/shapes.md; data: configs/_base_/datasets/shapes_words.py.
_base_ = './all.py'
train_dataloader = dict(dataset=dict(shares=dict(_delete_=True, colors=3, textures=1)))
optim_wrapper = dict(optimizer=dict(lr=6e-4))
train_cfg = dict(max_iters=80)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=1))
