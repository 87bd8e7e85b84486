# VIS: all objects of the classes, judged over whole videos. Shortest side 480 for
# YouTube-VIS and 720 for OVIS, as published.
#
# data/ytvis_2019/annotations/instances_val_sub.json, data/ytvis_2019/valid/JPEGImages/
# data/ovis/annotations_valid.json, data/ovis/valid/: as they are downloaded
_base_ = './video.py'
vis_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 480), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
vis_large_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 720), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
vis_ytvis19 = dict(
    type='VideoInstanceDataset',
    data_root='data/ytvis_2019/',
    ann_file='annotations/instances_val_sub.json',
    data_prefix=dict(img='valid/JPEGImages/'),
    test_mode=True,
    pipeline=vis_pipeline,
)
vis_ovis = dict(
    vis_ytvis19,
    data_root='data/ovis/',
    ann_file='annotations_valid.json',
    data_prefix=dict(img='valid/'),
    pipeline=vis_large_pipeline,
)
vis_names = dict(  # thresholds of the published runs
    type='AveragedNames',
    select_score_thr=0.1,
    nms_iou_threshold=0.9,
    with_iou=False,
    tracker=dict(
        type='VideoInstanceTracker',
        init_score_thr=0.2,
        addnew_score_thr=0.2,
        match_score_thr=0.5,
        nms_thr_pre=0.5,
        nms_thr_post=0.05,
        memo_tracklet_frames=10,
        memory_len=3,
        result_score_thr=0.05,
    ),
)
vis_model = dict(followers=dict(names=dict(_delete_=True, **vis_names)))
