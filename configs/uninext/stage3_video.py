# Stage 3: images and videos; VIS, MOT and MOTS, R-VOS, SOT and VOS in shares 1:1:1:1.
# tools/dist_train.sh configs/uninext/stage3_video.py 16 \
#     --cfg-options load_from=work_dirs/stage2_image/iter_91990.pth
# 16 GPUs x 2 pairs of frames (YouTube-VIS: 4), 180k iterations. Not trained here.
# The mixture: tools/train.py configs/uninext/stage3_video.py --dry-run
# Source: arXiv 2303.06674, Table 1 of the supplementary material.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/uninext_r50_video.py',
    '../_base_/schedules/adamw_step_video.py',
    '../_base_/pipelines/clips.py',
    '../_base_/datasets/mixture.py',
    '../_base_/datasets/coco.py',
    '../_base_/datasets/refcoco.py',
    '../_base_/datasets/ytvis.py',
    '../_base_/datasets/ovis.py',
    '../_base_/datasets/bdd100k.py',
    '../_base_/datasets/refytvos.py',
    '../_base_/datasets/lasot.py',
    '../_base_/datasets/got10k.py',
    '../_base_/datasets/trackingnet.py',
    '../_base_/datasets/ytvos.py',
]
# fmt: off
__table = [  # name, ratio, batch size, files, how pairs are made of them
    ('ovis',               0.17, 2, _base_.ovis_train,              _base_.train_pipeline),
    ('ytvis_2019',         0.34, 4, _base_.ytvis_2019_train,        _base_.small_train_pipeline),
    ('coco',               0.51, 2, _base_.coco_train,              _base_.train_pipeline),
    ('bdd100k_det',        0.18, 2, _base_.bdd100k_det_train,       _base_.near_train_pipeline),
    ('bdd100k_box_track',  0.72, 2, _base_.bdd100k_box_track_train, _base_.near_train_pipeline),
    ('bdd100k_ins_seg',    0.02, 2, _base_.bdd100k_ins_seg_train,   _base_.near_train_pipeline),
    ('bdd100k_seg_track',  0.08, 2, _base_.bdd100k_seg_track_train, _base_.near_train_pipeline),
    ('refcoco',            0.67, 2, _base_.refcoco_train,           _base_.expression_train_pipeline),
    ('refytvos',           0.33, 2, _base_.refytvos_train,          _base_.small_expression_train_pipeline),
    ('got10k',             0.20, 2, _base_.got10k_train,            _base_.target_train_pipeline),
    ('lasot',              0.20, 2, _base_.lasot_train,             _base_.target_train_pipeline),
    ('trackingnet',        0.20, 2, _base_.trackingnet_train,       _base_.target_train_pipeline),
    ('coco_sot',           0.20, 2, _base_.coco_train,              _base_.target_train_pipeline),
    ('ytvos18',            0.20, 2, _base_.ytvos18_train,           _base_.small_target_train_pipeline),
]
# fmt: on
__sources = [
    dict(name=n, ratio=r, batch_size=b, dataset=dict(files, pipeline=pairs))
    for n, r, b, files, pairs in __table
]
train_dataloader = dict(dataset=dict(sources=__sources))
