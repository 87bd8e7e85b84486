# Stage 3 with ViT-H: twice the GPUs, one pair on each, more of OVIS.
# tools/dist_train.sh configs/uninext/stage3_video_vit-h.py 32 \
#     --cfg-options load_from=work_dirs/stage2_image_vit-h/iter_48000.pth
# 32 GPUs x 1 pair of frames, 180k iterations. Not trained here.
# Source: arXiv 2303.06674, and its published config video_joint_vit_huge.
_base_ = ['./stage3_video.py', '../_base_/backbones/vit-h.py']
model = _base_.pop('vit_h')
__ratios = dict(ovis=0.25, ytvis_2019=0.25, coco=0.5)
__sources = [
    dict(source, batch_size=1, ratio=__ratios.get(source['name'], source['ratio']))
    for source in _base_.train_dataloader.dataset.sources
]
train_dataloader = dict(batch_size=1, dataset=dict(sources=__sources))
