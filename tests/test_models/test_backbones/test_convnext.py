"""A backbone of mmpretrain, by the lines that the ConvNeXt-T config adds."""

from __future__ import annotations

from pathlib import Path

import torch
from mmengine.config import Config

from uninext.registry import MODELS

CONFIG = (
    Path(__file__).resolve().parents[3] / 'configs/uninext/stage2_image_convnext-t.py'
)


def backbone_cfg(**changes) -> dict:
    cfg = Config.fromfile(CONFIG).model.backbone
    cfg.pop('init_cfg')
    return {**cfg, **changes}


def test_full_size_has_the_channels_that_the_neck_expects():
    cfg = Config.fromfile(CONFIG).model
    built = MODELS.build(backbone_cfg())
    built.eval()
    with torch.no_grad():
        levels = built(torch.randn(1, 3, 64, 64))
    assert [x.shape[1] for x in levels] == cfg.neck.in_channels
    assert [x.shape[-1] for x in levels] == [8, 4, 2]
    norms = [n for n, _ in built.named_parameters() if n.startswith('norm')]
    assert {n.split('.')[0] for n in norms} == {'norm1', 'norm2', 'norm3'}
