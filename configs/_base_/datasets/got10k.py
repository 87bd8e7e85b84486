# GOT-10k: videos of one target each, boxes.
#
# data/got10k/train/<video>/*.jpg
# data/got10k/annotations/train.json, written by tools/dataset_converters/got10k.py
#
# Add a pipeline of clips.py: dict(_base_.got10k_train, pipeline=...).
got10k_train = dict(
    type='SingleObjectDataset',
    data_root='data/got10k/',
    ann_file='annotations/train.json',
    data_prefix=dict(img='train/'),
)
