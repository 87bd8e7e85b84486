# TNL-2K: videos of one target each, boxes.
#
# data/tnl2k/annotations/test.json, written by
#   python tools/dataset_converters/video_set.py tnl2k data/tnl2k \
#       data/tnl2k/annotations/test.json
tnl2k_test = dict(
    type='SingleObjectDataset',
    data_root='data/tnl2k/',
    ann_file='annotations/test.json',
    data_prefix=dict(img=''),
    test_mode=True,
)
