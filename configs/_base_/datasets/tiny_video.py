# A few videos at laptop size, as every video task sees them; tests are on the videos that
# stage3_video_tiny.py learns from.
#
# data/tiny_video/{davis,mot17}/<video>/... and
# data/tiny_video/{davis_vis,davis_sot,davis_refs,mot17}_train.json, written by
#   python tools/dataset_converters/tiny_video.py data/tiny_video --davis ... --mot17 ...
# OTB folders: ln -s OTB data/tiny_video/otb, and
#   python tools/dataset_converters/video_set.py otb data/tiny_video/otb \
#       data/tiny_video/otb.json
# data/photos/: as in tiny.py.
inference_scale = (400, 272)  # of images and videos
tiny_video_vis_train = dict(
    type='VideoInstanceDataset',
    data_root='data/tiny_video/',
    ann_file='davis_vis_train.json',
    data_prefix=dict(img='davis/'),
)
tiny_video_rvos_train = dict(
    tiny_video_vis_train, type='ReferringVideoDataset', ann_file='davis_refs_train.json'
)
tiny_video_vos_train = dict(
    tiny_video_vis_train, type='SingleObjectDataset', ann_file='davis_sot_train.json'
)
tiny_video_sot_train = tiny_video_vos_train
tiny_video_otb_train = dict(
    tiny_video_sot_train, ann_file='otb.json', data_prefix=dict(img='otb/')
)
tiny_video_mot_train = dict(
    tiny_video_vis_train, ann_file='mot17_train.json', data_prefix=dict(img='mot17/')
)
tiny_video_coco_train = dict(
    type='PromptCocoDataset',
    data_root='data/photos/',
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True),
)
tiny_video_vis_test = dict(tiny_video_vis_train, test_mode=True)
tiny_video_rvos_test = dict(tiny_video_rvos_train, test_mode=True)
tiny_video_vos_test = dict(tiny_video_vos_train, target='mask', test_mode=True)
tiny_video_sot_test = dict(tiny_video_sot_train, test_mode=True)
tiny_video_otb_test = dict(tiny_video_otb_train, test_mode=True)
tiny_video_mot_test = dict(tiny_video_mot_train, test_mode=True)
