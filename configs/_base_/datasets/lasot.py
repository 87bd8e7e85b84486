# LaSOT: long videos of one target each, boxes.
#
# data/lasot/<class>/<video>/img/*.jpg
# data/lasot/annotations/train.json, written by
#   python tools/dataset_converters/video_set.py lasot data/lasot \
#       data/lasot/annotations/train.json --split train
lasot_train = dict(
    type='SingleObjectDataset',
    data_root='data/lasot/',
    ann_file='annotations/train.json',
    data_prefix=dict(img=''),
)
lasot_test = dict(lasot_train, ann_file='annotations/test.json', test_mode=True)
lasot_ext_test = dict(lasot_test, data_root='data/lasot-ext/')
