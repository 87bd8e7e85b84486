# RefCOCO, RefCOCO+ and RefCOCOg: referring expressions on COCO train2014.
#
# data/coco/train2014/*.jpg
# data/coco/annotations/<set>/instances_<split>.json, written by
#   python tools/dataset_converters/refcoco.py REFER data/coco/annotations --mix
refcoco_train = dict(
    type='ReferringDataset',
    data_root='data/coco/',
    ann_file='annotations/refcoco-mixed/instances_train.json',
    data_prefix=dict(img='train2014/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
)
refcoco_val = dict(
    type='ReferringDataset',
    data_root='data/coco/',
    ann_file='annotations/refcoco-unc/instances_val.json',
    data_prefix=dict(img='train2014/'),
    test_mode=True,
)
refcoco_testA, refcoco_testB = (
    dict(refcoco_val, ann_file=f'annotations/refcoco-unc/instances_{split}.json')
    for split in ('testA', 'testB')
)
refcoco_plus_val, refcoco_plus_testA, refcoco_plus_testB = (
    dict(refcoco_val, ann_file=f'annotations/refcocoplus-unc/instances_{split}.json')
    for split in ('val', 'testA', 'testB')
)
refcoco_g_val, refcoco_g_test, refcoco_g_google_val = (
    dict(refcoco_val, ann_file=f'annotations/refcocog-{split}.json')
    for split in ('umd/instances_val', 'umd/instances_test', 'google/instances_val')
)
refcoco_val_evaluator = dict(type='ReferringMetric')
