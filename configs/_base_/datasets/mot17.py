# MOT17: videos of pedestrians, boxes with ids. Those of test have no public labels.
#
# data/mot17/annotations/train.json, written by
#   python tools/dataset_converters/mot_challenge.py
mot17_val = dict(
    type='VideoInstanceDataset',
    data_root='data/mot17/',
    ann_file='annotations/train.json',
    data_prefix=dict(img=''),
    test_mode=True,
)
