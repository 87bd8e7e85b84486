# Stage 3 with ConvNeXt-L: twice the GPUs, half the pairs on each.
# tools/dist_train.sh configs/uninext/stage3_video_convnext-l.py 32 \
#     --cfg-options load_from=work_dirs/stage2_image_convnext-l/iter_91990.pth
# 32 GPUs x 1 pair of frames (YouTube-VIS: 2), 180k iterations. Not trained here.
# Source: arXiv 2303.06674, and its published config video_joint_convnext_large.
_base_ = ['./stage3_video.py', '../_base_/backbones/convnext-l.py']
model = _base_.pop('convnext_l')
__sources = [
    dict(source, batch_size=2 if source['name'] == 'ytvis_2019' else 1)
    for source in _base_.train_dataloader.dataset.sources
]
train_dataloader = dict(batch_size=1, dataset=dict(sources=__sources))
