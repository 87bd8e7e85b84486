# The video tasks on the held-out videos of the Shapes suite, at their own size.
#
# data/shapes/: as in datasets/shapes.py
_base_ = './vis.py'
test_dataloader = dict(num_workers=1)
shapes_frames_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(320, 240), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
shapes_vis = dict(
    type='VideoInstanceDataset',
    data_root='data/shapes/',
    ann_file='vis_val.json',
    data_prefix=dict(img='videos/val/'),
    test_mode=True,
    pipeline=shapes_frames_pipeline,
)
shapes_mot = dict(shapes_vis, ann_file='mot_val.json')
shapes_sot = dict(shapes_vis, type='SingleObjectDataset', ann_file='sot_val.json')
shapes_vos = dict(shapes_sot, ann_file='vos_val.json', target='mask')
shapes_rvos = dict(shapes_vis, type='ReferringVideoDataset', ann_file='refs_val.json')
