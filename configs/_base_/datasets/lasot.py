# LaSOT: long videos of one target each, boxes.
#
# data/lasot/<class>/<video>/img/*.jpg
# data/lasot/annotations/train.json, written by
#   python tools/dataset_converters/video_set.py lasot data/lasot \
#       data/lasot/annotations/train.json --split train
#
# Add a pipeline of clips.py: dict(_base_.lasot_train, pipeline=...).
lasot_train = dict(
    type='SingleObjectDataset',
    data_root='data/lasot/',
    ann_file='annotations/train.json',
    data_prefix=dict(img=''),
)
