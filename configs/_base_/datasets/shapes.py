# The Shapes suite, as every stage and task sees it. Images and frames: 320 x 240.
#
# data/shapes/, written by (docs/shapes.md)
#   python tools/dataset_converters/shapes.py data/shapes --num-train 4000 \
#       --num-val 200 --videos 300 30 --size 320 240 --frames 16
__root = '{{$SHAPES_ROOT:data/shapes}}'
inference_scale = (320, 240)  # of images and videos
shapes_train = dict(
    type='PromptCocoDataset',
    data_root=f'{__root}/',
    ann_file='annotations/instances_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True),
)
shapes_refs_train = dict(
    type='ReferringDataset',
    data_root=f'{__root}/',
    ann_file='annotations/refs_train.json',
    data_prefix=dict(img='train/'),
)
shapes_vis_train = dict(
    type='VideoInstanceDataset',
    data_root=f'{__root}/',
    ann_file='vis_train.json',
    data_prefix=dict(img='videos/train/'),
)
shapes_mot_train = dict(shapes_vis_train, ann_file='mot_train.json')
shapes_rvos_train = dict(
    shapes_vis_train, type='ReferringVideoDataset', ann_file='refs_train.json'
)
shapes_vos_train = dict(
    shapes_vis_train, type='SingleObjectDataset', ann_file='vos_train.json'
)
shapes_sot_train = dict(shapes_vos_train, ann_file='sot_train.json')
shapes_val = dict(
    type='PromptCocoDataset',
    data_root=f'{__root}/',
    ann_file='annotations/instances_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
)
shapes_refs_val = dict(
    shapes_val, type='ReferringDataset', ann_file='annotations/refs_val.json'
)
shapes_val_evaluator = dict(
    type='CocoMetric',
    ann_file=f'{__root}/annotations/instances_val.json',
    metric=['bbox', 'segm'],
)
shapes_refs_val_evaluator = dict(type='ReferringMetric')
shapes_vis_val = dict(
    shapes_vis_train,
    ann_file='vis_val.json',
    data_prefix=dict(img='videos/val/'),
    test_mode=True,
)
shapes_mot_val = dict(shapes_vis_val, ann_file='mot_val.json')
shapes_rvos_val = dict(
    shapes_vis_val, type='ReferringVideoDataset', ann_file='refs_val.json'
)
shapes_sot_val = dict(
    shapes_vis_val, type='SingleObjectDataset', ann_file='sot_val.json'
)
shapes_vos_val = dict(shapes_sot_val, ann_file='vos_val.json', target='mask')
