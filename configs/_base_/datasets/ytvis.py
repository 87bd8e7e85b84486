# YouTube-VIS 2019 and 2021: videos with boxes, masks and ids of 40 classes.
#
# data/ytvis_2019/train/JPEGImages/<video>/*.jpg
# data/ytvis_2019/annotations/instances_train_sub.json
# data/ytvis_2021/train/JPEGImages/<video>/*.jpg, data/ytvis_2021/train/instances.json
ytvis_2019_train = dict(
    type='VideoInstanceDataset',
    data_root='data/ytvis_2019/',
    ann_file='annotations/instances_train_sub.json',
    data_prefix=dict(img='train/JPEGImages/'),
)
ytvis_2021_train = dict(
    type='VideoInstanceDataset',
    data_root='data/ytvis_2021/',
    ann_file='train/instances.json',
    data_prefix=dict(img='train/JPEGImages/'),
)
ytvis_2019_val = dict(
    ytvis_2019_train,
    ann_file='annotations/instances_val_sub.json',
    data_prefix=dict(img='valid/JPEGImages/'),
    test_mode=True,
)
