# Stage 2 with ConvNeXt-L.
# tools/dist_train.sh configs/uninext/stage2_image_convnext-l.py 16 \
#     --cfg-options load_from=work_dirs/stage1_pretrain_convnext-l/iter_340741.pth
# 16 GPUs x 2 images, 92k iterations. Not trained here.
# Source: arXiv 2303.06674, and its published config image_joint_convnext_large.
_base_ = ['./stage2_image.py', '../_base_/backbones/convnext-l.py']
model = _base_.pop('convnext_l')
