# Ablation: no denoising queries in training.
# python tools/train.py configs/uninext/ablations/stage2_shapes_no_denoising.py
# Source: docs/ablations.md.
_base_ = './stage2_shapes_whole.py'
model = dict(denoising=None)
load_allow = [r'denoising\..*']
