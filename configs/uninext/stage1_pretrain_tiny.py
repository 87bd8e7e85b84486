# Stage 1 for a laptop: detection, and masks learned from boxes alone, on 2 CPU cores.
# python tools/dataset_converters/shapes.py data/tiny && \
#     python tools/train.py configs/uninext/stage1_pretrain_tiny.py
# Metrics: docs/photographs.md.
_base_ = ['./stage2_image_tiny.py', '../_base_/models/masks_from_boxes.py']
model = _base_.pop('masks_from_boxes')
__train = dict(_base_.tiny_train, pipeline=_base_.boxes_train_pipeline)
__val = dict(_base_.tiny_val, pipeline=_base_.test_pipeline)
__source = dict(name='objects365', dataset=__train, batch_size=2, class_aware=True)
train_dataloader = dict(dataset=dict(sources=[__source]))
val_dataloader = dict(dataset=dict(_delete_=True, **__val))
val_evaluator = dict(_delete_=True, **_base_.tiny_val_evaluator)
test_dataloader, test_evaluator = val_dataloader, val_evaluator
