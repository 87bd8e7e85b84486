"""Laptop networks with random numbers: what they compute is stored and compared."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from uninext.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture(scope='session')
def image_model() -> nn.Module:
    return _tiny('uninext/stage1_pretrain_tiny.py')


@pytest.fixture(scope='session')
def video_model() -> nn.Module:
    return _tiny('_base_/models/uninext_tiny_video.py')


def _tiny(config: str) -> nn.Module:
    init_default_scope('uninext')  # made before the fixture of every test
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / config).model
    cfg.backbone.init_cfg = None
    cfg.prompt_generator.text_encoder = dict(
        hidden_size=384,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    model = MODELS.build(cfg).eval()
    for parameter in model.parameters():  # box heads start at zero
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    return model
