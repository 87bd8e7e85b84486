# OTB-100, or videos of your own in its layout: one target each, boxes.
#
# data/otb/annotations/test.json, written by
#   python tools/dataset_converters/video_set.py otb data/otb \
#       data/otb/annotations/test.json
otb_test = dict(
    type='SingleObjectDataset',
    data_root='data/otb/',
    ann_file='annotations/test.json',
    data_prefix=dict(img=''),
    test_mode=True,
)
