# COCO 2017 detection and instance segmentation.
#
# data/coco/{train2017,val2017}/*.jpg
# data/coco/annotations/instances_{train,val}2017.json
coco_train = dict(
    type='PromptCocoDataset',
    data_root='data/coco/',
    ann_file='annotations/instances_train2017.json',
    data_prefix=dict(img='train2017/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
)
coco_val = dict(
    type='PromptCocoDataset',
    data_root='data/coco/',
    ann_file='annotations/instances_val2017.json',
    data_prefix=dict(img='val2017/'),
    test_mode=True,
)
coco_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/coco/annotations/instances_val2017.json',
    metric=['bbox', 'segm'],
)
