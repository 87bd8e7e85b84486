# GOT-10k: videos of one target each, boxes.
#
# data/got10k/train/<video>/*.jpg
# data/got10k/annotations/train.json, written by
#   python tools/dataset_converters/video_set.py got10k data/got10k \
#       data/got10k/annotations/train.json --split train
got10k_train = dict(
    type='SingleObjectDataset',
    data_root='data/got10k/',
    ann_file='annotations/train.json',
    data_prefix=dict(img='train/'),
)
got10k_test = dict(
    got10k_train,
    ann_file='annotations/test.json',
    data_prefix=dict(img='test/'),
    test_mode=True,
)
