# TrackingNet (of its training chunks, the paper uses 0 to 3): boxes.
#
# data/trackingnet/TRAIN_<n>/frames/<video>/*.jpg
# data/trackingnet/annotations/train.json, written by
#   python tools/dataset_converters/video_set.py trackingnet data/trackingnet \
#       data/trackingnet/annotations/train.json --split train
trackingnet_train = dict(
    type='SingleObjectDataset',
    data_root='data/trackingnet/',
    ann_file='annotations/train.json',
    data_prefix=dict(img=''),
)
trackingnet_test = dict(
    trackingnet_train, ann_file='annotations/test.json', test_mode=True
)
