# Ablation: trained with expressions alone; evaluated by lists of names too.
# python tools/train.py configs/uninext/ablations/stage2_shapes_expressions_only.py
# Source: docs/ablations.md.
_base_ = './stage2_shapes_whole.py'
train_dataloader = dict(
    dataset=dict(sources=[_base_.train_dataloader.dataset.sources[1]])
)
