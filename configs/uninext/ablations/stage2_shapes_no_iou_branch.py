# Ablation: no IoU branch; scores are those of retrieval alone.
# python tools/train.py configs/uninext/ablations/stage2_shapes_no_iou_branch.py
# Source: docs/ablations.md.
_base_ = './stage2_shapes_whole.py'
model = dict(bbox_head=dict(with_iou_branch=False), test_cfg=dict(with_iou=False))
load_allow = [r'bbox_head\.iou_branches\..*']
