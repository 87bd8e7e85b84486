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
    '../_base_/datasets/stage3_files.py',
]
# fmt: off
__table = [  # name, ratio, batch size, files, how pairs are made of them
    ('ovis',               0.17, 2, _base_.ovis_train,              _base_.clips_names),
    ('ytvis_2019',         0.34, 4, _base_.ytvis_2019_train,        _base_.clips_names_small),
    ('coco',               0.51, 2, _base_.coco_train,              _base_.clips_names),
    ('bdd100k_det',        0.18, 2, _base_.bdd100k_det_train,       _base_.clips_names_near),
    ('bdd100k_box_track',  0.72, 2, _base_.bdd100k_box_track_train, _base_.clips_names_near),
    ('bdd100k_ins_seg',    0.02, 2, _base_.bdd100k_ins_seg_train,   _base_.clips_names_near),
    ('bdd100k_seg_track',  0.08, 2, _base_.bdd100k_seg_track_train, _base_.clips_names_near),
    ('refcoco',            0.67, 2, _base_.refcoco_train,           _base_.clips_sentences),
    ('refytvos',           0.33, 2, _base_.refytvos_train,          _base_.clips_sentences_small),
    ('got10k',             0.20, 2, _base_.got10k_train,            _base_.clips_target),
    ('lasot',              0.20, 2, _base_.lasot_train,             _base_.clips_target),
    ('trackingnet',        0.20, 2, _base_.trackingnet_train,       _base_.clips_target),
    ('coco_sot',           0.20, 2, _base_.coco_train,              _base_.clips_target),
    ('ytvos18',            0.20, 2, _base_.ytvos18_train,           _base_.clips_target_small),
]
# fmt: on
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    batch_size=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        type='MultiTaskDataset',
        sources=[
            dict(name=n, ratio=r, batch_size=b, dataset=dict(files, pipeline=pairs))
            for n, r, b, files, pairs in __table
        ],
    ),
)
