# OVIS: videos of objects that hide each other; boxes, masks and ids of 25 classes.
#
# data/ovis/train/<video>/*.jpg, data/ovis/annotations_train.json
ovis_train = dict(
    type='VideoInstanceDataset',
    data_root='data/ovis/',
    ann_file='annotations_train.json',
    data_prefix=dict(img='train/'),
)
ovis_val = dict(
    ovis_train,
    ann_file='annotations_valid.json',
    data_prefix=dict(img='valid/'),
    test_mode=True,
)
