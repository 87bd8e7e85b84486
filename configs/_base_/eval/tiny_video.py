# The video tasks at laptop size, on the videos that stage3_video_tiny.py learns from.
#
# data/tiny_video/: as in datasets/tiny_video.py. OTB folders for sot_otb_tiny.py:
#   ln -s OTB data/tiny_video/otb
#   python tools/dataset_converters/video_set.py otb data/tiny_video/otb \
#       data/tiny_video/otb.json
_base_ = './vis.py'
test_dataloader = dict(num_workers=1)
tiny_frames_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(400, 272), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
tiny_sot = dict(
    type='SingleObjectDataset',
    data_root='data/tiny_video/',
    ann_file='davis_sot_train.json',
    data_prefix=dict(img='davis/'),
    test_mode=True,
    pipeline=tiny_frames_pipeline,
)
tiny_otb = dict(tiny_sot, ann_file='otb.json', data_prefix=dict(img='otb/'))
tiny_vos = dict(tiny_sot, target='mask')
tiny_vis = dict(tiny_sot, type='VideoInstanceDataset', ann_file='davis_vis_train.json')
tiny_mot = dict(tiny_vis, ann_file='mot17_train.json', data_prefix=dict(img='mot17/'))
tiny_rvos = dict(
    tiny_sot, type='ReferringVideoDataset', ann_file='davis_refs_train.json'
)
