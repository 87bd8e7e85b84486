# DAVIS 2017: videos of one or more targets, masks.
#
# data/davis17/JPEGImages/480p/<video>/*.jpg
# data/davis17/annotations/val.json, written by
#   python tools/dataset_converters/video_set.py davis2017 data/davis17 \
#       data/davis17/annotations/val.json --split val
davis17_val = dict(
    type='SingleObjectDataset',
    data_root='data/davis17/',
    ann_file='annotations/val.json',
    data_prefix=dict(img='JPEGImages/480p/'),
    target='mask',
    test_mode=True,
)
