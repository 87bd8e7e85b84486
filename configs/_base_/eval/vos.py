# VOS: the mask of each object's first frame is given. Shortest side 480, as published.
#
# Files are written by tools/dataset_converters/video_set.py, e.g.
#   python tools/dataset_converters/video_set.py davis2017 data/davis17 \
#       data/davis17/annotations/val.json --split val
_base_ = './video.py'
vos_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 480), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
vos_davis17 = dict(
    type='SingleObjectDataset',
    data_root='data/davis17/',
    ann_file='annotations/val.json',
    data_prefix=dict(img='JPEGImages/480p/'),
    target='mask',
    test_mode=True,
    pipeline=vos_pipeline,
)
vos_ytvos18 = dict(
    vos_davis17,
    data_root='data/ytvos18/',
    ann_file='annotations/valid.json',
    data_prefix=dict(img='valid/JPEGImages/'),
)
