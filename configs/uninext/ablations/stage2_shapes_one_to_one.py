# Ablation: one query learns each object (Hungarian), in place of SimOTA.
# python tools/train.py configs/uninext/ablations/stage2_shapes_one_to_one.py
# Source: docs/ablations.md.
_base_ = './stage2_shapes_whole.py'
model = dict(
    bbox_head=dict(assigner=dict(_delete_=True, type='PromptHungarianAssigner'))
)
