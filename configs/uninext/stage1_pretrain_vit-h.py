# Stage 1 with ViT-H.
# tools/dist_train.sh configs/uninext/stage1_pretrain_vit-h.py 32
# 32 GPUs x 2 images, 341k iterations. Not trained here.
# Its first weights: uninext convert --backbone-only mae_pretrain_vit_huge_p14to16.pth \
#     weights/mae_vit_huge_p14to16_ours.pth
# Source: arXiv 2303.06674, and its published config obj365v2_32g_vit_huge.
_base_ = ['./stage1_pretrain.py', '../_base_/backbones/vit-h.py']
model = _base_.pop('vit_h')
model['backbone']['init_cfg'] = dict(
    type='Pretrained', checkpoint='weights/mae_vit_huge_p14to16_ours.pth'
)
