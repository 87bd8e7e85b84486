# Stage 1 with ConvNeXt-L.
# tools/dist_train.sh configs/uninext/stage1_pretrain_convnext-l.py 32
# 32 GPUs x 2 images, 341k iterations. Not trained here.
# Its first weights: uninext convert --backbone-only convnext_large_22k_1k_384.pth \
#     weights/convnext_large_22k_1k_384_ours.pth
# Source: arXiv 2303.06674, and its published config obj365v2_32g_convnext_large.
_base_ = ['./stage1_pretrain.py', '../_base_/backbones/convnext-l.py']
model = _base_.pop('convnext_l')
model['backbone']['init_cfg'] = dict(
    type='Pretrained', checkpoint='weights/convnext_large_22k_1k_384_ours.pth'
)
