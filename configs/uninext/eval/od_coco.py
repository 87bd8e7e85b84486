# Detection and instance segmentation on COCO val2017: box AP and mask AP.
# python tools/test.py configs/uninext/eval/od_coco.py CHECKPOINT
# Writes work_dirs/od_coco/results.{bbox,segm}.json. Not measured here: docs/evaluation.md.
_base_ = '../stage2_image.py'
test_dataloader = dict(dataset=dict(_delete_=True, **_base_.coco_val))
test_evaluator = dict(
    _delete_=True,
    **_base_.coco_val_evaluator,
    outfile_prefix='work_dirs/od_coco/results',
)
