# The laptop's stage 3 goes on with a folder of OTB among its targets.
# python tools/train.py configs/uninext/stage3_video_tiny_otb.py \
#     --cfg-options load_from=work_dirs/stage3_video_tiny/iter_2000.pth
# Data: of stage3_video_tiny.py and configs/_base_/datasets/tiny_video.py. Source: docs/video.md.
_base_ = './stage3_video_tiny.py'
__otb = dict(_base_.tiny_video_otb_train, pipeline=_base_.box_target_train_pipeline)
__sources = [
    *_base_.train_dataloader.dataset.sources,
    dict(name='otb', ratio=0.5, batch_size=2, dataset=__otb),
]
train_dataloader = dict(dataset=dict(sources=__sources))
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[400], gamma=0.1)
]
train_cfg = dict(max_iters=500)
