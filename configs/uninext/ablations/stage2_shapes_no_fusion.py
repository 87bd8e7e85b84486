# Ablation: image and prompt features do not see each other before retrieval.
# python tools/train.py configs/uninext/ablations/stage2_shapes_no_fusion.py
# Source: docs/ablations.md.
_base_ = './stage2_shapes_whole.py'
model = dict(fusion_neck=None)
load_allow = [r'fusion_neck\..*']
