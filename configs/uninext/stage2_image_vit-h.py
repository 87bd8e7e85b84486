# Stage 2 with ViT-H: twice the GPUs, half the iterations.
# tools/dist_train.sh configs/uninext/stage2_image_vit-h.py 32 \
#     --cfg-options load_from=work_dirs/stage1_pretrain_vit-h/iter_340741.pth
# 32 GPUs x 2 images, 48k iterations. Not trained here.
# Source: arXiv 2303.06674, and its published config image_joint_vit_huge_32g.
_base_ = ['./stage2_image.py', '../_base_/backbones/vit-h.py']
model = _base_.pop('vit_h')
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[40000], gamma=0.1)
]
train_cfg = dict(max_iters=48000, val_interval=48000)
