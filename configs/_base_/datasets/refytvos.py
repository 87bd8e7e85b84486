# Ref-YouTube-VOS: videos with expressions that refer to an object, and its masks.
#
# data/refytvos/train/JPEGImages/<video>/*.jpg
# data/refytvos/annotations/train.json, written by
#   python tools/dataset_converters/video_set.py ref-youtube-vos data/refytvos \
#       data/refytvos/annotations/train.json --split train
refytvos_train = dict(
    type='ReferringVideoDataset',
    data_root='data/refytvos/',
    ann_file='annotations/train.json',
    data_prefix=dict(img='train/JPEGImages/'),
)
refytvos_val = dict(
    refytvos_train,
    ann_file='annotations/valid.json',
    data_prefix=dict(img='valid/JPEGImages/'),
    test_mode=True,
)
