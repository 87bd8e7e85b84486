# A small set of images with boxes, masks and expressions, at laptop size.
#
# <data_root>/{train,val}/*.jpg
# <data_root>/annotations/{instances,refs}_{train,val}.json, written by
#   python tools/dataset_converters/shapes.py data/tiny          (generated scenes)
#   python tools/dataset_converters/coco_subset.py data/tiny ... (photographs)
inference_scale = (400, 272)  # of images and videos
tiny_train = dict(
    type='PromptCocoDataset',
    data_root='data/tiny/',
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True),
)
tiny_refs_train = dict(
    type='ReferringDataset',
    data_root='data/tiny/',
    ann_file='annotations/refs_train.json',
    data_prefix=dict(img='train/'),
)
tiny_val = dict(
    type='PromptCocoDataset',
    data_root='data/tiny/',
    ann_file='annotations/instances_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
)
tiny_refs_val = dict(
    tiny_val, type='ReferringDataset', ann_file='annotations/refs_val.json'
)
tiny_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/tiny/annotations/instances_val.json',
    metric=['bbox', 'segm'],
)
tiny_refs_val_evaluator = dict(type='ReferringMetric')
