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
refcoco_testA = dict(
    refcoco_val, ann_file='annotations/refcoco-unc/instances_testA.json'
)
refcoco_testB = dict(
    refcoco_val, ann_file='annotations/refcoco-unc/instances_testB.json'
)
refcoco_plus_val = dict(
    refcoco_val, ann_file='annotations/refcocoplus-unc/instances_val.json'
)
refcoco_plus_testA = dict(
    refcoco_val, ann_file='annotations/refcocoplus-unc/instances_testA.json'
)
refcoco_plus_testB = dict(
    refcoco_val, ann_file='annotations/refcocoplus-unc/instances_testB.json'
)
refcoco_g_val = dict(
    refcoco_val, ann_file='annotations/refcocog-umd/instances_val.json'
)
refcoco_g_test = dict(
    refcoco_val, ann_file='annotations/refcocog-umd/instances_test.json'
)
refcoco_g_google_val = dict(
    refcoco_val, ann_file='annotations/refcocog-google/instances_val.json'
)
refcoco_val_evaluator = dict(type='ReferringMetric')
