# YouTube-VOS 2018: videos of one or more targets, masks and boxes.
#
# data/ytvos18/train/JPEGImages/<video>/*.jpg
# data/ytvos18/annotations/train.json, written by
#   python tools/dataset_converters/video_set.py youtube-vos data/ytvos18 \
#       data/ytvos18/annotations/train.json --split train
ytvos18_train = dict(
    type='SingleObjectDataset',
    data_root='data/ytvos18/',
    ann_file='annotations/train.json',
    data_prefix=dict(img='train/JPEGImages/'),
)
ytvos18_val = dict(
    ytvos18_train,
    ann_file='annotations/valid.json',
    data_prefix=dict(img='valid/JPEGImages/'),
    target='mask',
    test_mode=True,
)
