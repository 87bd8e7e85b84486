# Objects365 v2 detection: boxes of 365 categories.
#
# data/Objects365/Obj365_v2/{train,val}/patch*/*.jpg
# data/Objects365/Obj365_v2/annotations/zhiyuan_objv2_{train,val}.json
objects365v2_train = dict(
    type='PromptObjects365V2Dataset',
    data_root='data/Objects365/Obj365_v2/',
    ann_file='annotations/zhiyuan_objv2_train.json',
    data_prefix=dict(img='train/'),
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
)
objects365v2_val = dict(
    type='PromptObjects365V2Dataset',
    data_root='data/Objects365/Obj365_v2/',
    ann_file='annotations/zhiyuan_objv2_val.json',
    data_prefix=dict(img='val/'),
    test_mode=True,
)
objects365v2_val_evaluator = dict(
    type='CocoMetric',
    ann_file='data/Objects365/Obj365_v2/annotations/zhiyuan_objv2_val.json',
    metric=['bbox'],
)
