# BDD100K: traffic. Single images with boxes or masks, videos with boxes or masks.
#
# data/bdd100k/images/{100k,10k,track,seg_track_20}/train/...
# data/bdd100k/annotations/{det,ins_seg,box_track,seg_track}_train.json, written by
#   python tools/dataset_converters/bdd100k.py data/bdd100k
bdd100k_det_train = dict(
    type='PromptCocoDataset',
    data_root='data/bdd100k/',
    ann_file='annotations/det_train.json',
    data_prefix=dict(img='images/100k/train/'),
    filter_cfg=dict(filter_empty_gt=True),
)
bdd100k_ins_seg_train = dict(
    bdd100k_det_train,
    ann_file='annotations/ins_seg_train.json',
    data_prefix=dict(img='images/10k/train/'),
)
bdd100k_box_track_train = dict(
    type='VideoInstanceDataset',
    data_root='data/bdd100k/',
    ann_file='annotations/box_track_train.json',
    data_prefix=dict(img='images/track/train/'),
)
bdd100k_seg_track_train = dict(
    bdd100k_box_track_train,
    ann_file='annotations/seg_track_train.json',
    data_prefix=dict(img='images/seg_track_20/train/'),
)
bdd100k_box_track_val = dict(
    bdd100k_box_track_train,
    ann_file='annotations/box_track_val.json',
    data_prefix=dict(img='images/track/val/'),
    test_mode=True,
)
bdd100k_seg_track_val = dict(
    bdd100k_seg_track_train,
    ann_file='annotations/seg_track_val.json',
    data_prefix=dict(img='images/seg_track_20/val/'),
    test_mode=True,
)
