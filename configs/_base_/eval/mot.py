# MOT: all objects of the classes, boxes with identities. Shortest side 800, as published.
#
# Files are written by tools/dataset_converters/{bdd100k,mot_challenge}.py.
_base_ = './video.py'
mot_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
mot_bdd100k = dict(
    type='VideoInstanceDataset',
    data_root='data/bdd100k/',
    ann_file='annotations/box_track_val.json',
    data_prefix=dict(img='images/track/val/'),
    test_mode=True,
    pipeline=mot_pipeline,
)
mot_mot17 = dict(
    mot_bdd100k,
    data_root='data/mot17/',
    ann_file='annotations/train.json',
    data_prefix=dict(img=''),
)
