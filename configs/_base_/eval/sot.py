# SOT: the box of the first frame is given. Shortest side 800, as published.
#
# Files are written by tools/dataset_converters/video_set.py, e.g.
#   python tools/dataset_converters/video_set.py lasot data/lasot \
#       data/lasot/annotations/test.json --split test
_base_ = './video.py'
sot_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
sot_lasot = dict(
    type='SingleObjectDataset',
    data_root='data/lasot/',
    ann_file='annotations/test.json',
    data_prefix=dict(img=''),
    test_mode=True,
    pipeline=sot_pipeline,
)
sot_lasot_ext = dict(sot_lasot, data_root='data/lasot-ext/')
sot_tnl2k = dict(sot_lasot, data_root='data/tnl2k/')
sot_otb = dict(sot_lasot, data_root='data/otb/')
sot_trackingnet = dict(sot_lasot, data_root='data/trackingnet/')
sot_got10k = dict(sot_lasot, data_root='data/got10k/', data_prefix=dict(img='test/'))
