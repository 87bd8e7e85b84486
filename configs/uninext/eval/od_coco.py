# Detection and instance segmentation on COCO val2017: box AP and mask AP.
# python tools/test.py configs/uninext/eval/od_coco.py CHECKPOINT
# Writes work_dirs/od_coco/results.{bbox,segm}.json. Not measured here: docs/evaluation.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/uninext_r50.py',
    '../../_base_/datasets/coco.py',
    '../../_base_/pipelines/image_tests.py',
]
test_dataloader = dict(dataset=dict(_base_.coco_val, pipeline=_base_.test_pipeline))
test_evaluator = dict(
    _base_.coco_val_evaluator, outfile_prefix='work_dirs/od_coco/results'
)
