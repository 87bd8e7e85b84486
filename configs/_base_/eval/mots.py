# MOTS: all objects of the classes, masks with identities. Shortest side 800, as published.
#
# Files are written by tools/dataset_converters/bdd100k.py.
_base_ = './video.py'
mots_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
mots_bdd100k = dict(
    type='VideoInstanceDataset',
    data_root='data/bdd100k/',
    ann_file='annotations/seg_track_val.json',
    data_prefix=dict(img='images/seg_track_20/val/'),
    test_mode=True,
    pipeline=mots_pipeline,
)
