"""Gradients of all losses against differences, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch import Tensor
from torch.autograd import gradcheck

import uninext.models.losses as losses
from uninext.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[3] / 'configs/_base_/models'
MASKS = (2, 5, 6)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def pixels() -> Tensor:
    return torch.rand(MASKS) < 0.5


def _tokens() -> tuple[Callable, tuple]:
    loss, targets = MODELS.build(dict(type='BinaryFocalLoss')), torch.rand(2, 3, 4)
    present = torch.tensor([[True, True, False, True], [True, False, False, False]])
    return lambda logits: loss(logits, targets.double(), present), (random(2, 3, 4),)


def _of_masks(kind: str, **kwargs: object) -> tuple[Callable, tuple]:
    loss, targets = MODELS.build(dict(type=kind, **kwargs)), pixels().double()
    return lambda logits: loss(logits, targets), (random(*MASKS),)


def _boxes(kind: str, **kwargs: object) -> tuple[Callable, tuple]:
    """Overlapping, one inside the other, apart."""
    loss = MODELS.build(dict(type=kind, **kwargs))
    given = torch.tensor(
        [[0.4, 0.4, 0.3, 0.2], [0.5, 0.5, 0.8, 0.9], [0.1, 0.2, 0.1, 0.15]],
        dtype=torch.float64,
        requires_grad=True,
    )
    targets = torch.tensor(
        [[0.5, 0.45, 0.3, 0.3], [0.45, 0.55, 0.2, 0.1], [0.8, 0.7, 0.2, 0.3]],
        dtype=torch.float64,
    )
    return lambda boxes: loss(boxes, targets), (given,)


def _embeds(kind: str) -> tuple[Callable, tuple]:
    return MODELS.build(dict(type=kind)), (random(4), random(2, 4), random(3, 4))


def _affinity() -> tuple[Callable, tuple]:
    loss = MODELS.build(dict(type='PairwiseAffinityLoss'))
    similarity = torch.rand(MASKS[0], 8, *MASKS[1:], dtype=torch.float64)
    inside = pixels().double()
    each = torch.arange(MASKS[0])
    return lambda logits: loss(logits, similarity, inside, each), (random(*MASKS),)


CASES = {
    'BinaryFocalLoss': _tokens,
    'BinaryFocalLoss of pixels': lambda: _of_masks('BinaryFocalLoss', mean_pixels=True),
    'MaskDiceLoss': lambda: _of_masks('MaskDiceLoss'),
    'L1Loss': lambda: _boxes('L1Loss', reduction='sum'),
    'NormalizedGIoULoss': lambda: _boxes('NormalizedGIoULoss'),
    'BoxProjectionLoss': lambda: _of_masks('BoxProjectionLoss'),
    'PairwiseAffinityLoss': _affinity,
    'ContrastiveEmbedLoss': lambda: _embeds('ContrastiveEmbedLoss'),
    'CosineEmbedLoss': lambda: _embeds('CosineEmbedLoss'),
}


def losses_in(cfg: Any, key: str = '') -> Iterator[str]:
    """Types below keys that begin with ``loss_``."""
    if isinstance(cfg, dict):
        if key.startswith('loss_') and 'type' in cfg:
            yield cfg['type']
        for name, value in cfg.items():
            yield from losses_in(value, name)


def test_no_loss_is_left_out():
    """Neither of ours nor of the models of the configs."""
    ours = {name for name in losses.__all__ if name.endswith('Loss')}
    registered = {
        name
        for name, kind in MODELS.module_dict.items()
        if kind.__module__.startswith('uninext.') and 'loss' in kind.__module__
    }
    assert registered == ours
    named = set()
    for path in CONFIGS.glob('*.py'):
        named.update(losses_in(Config.fromfile(path).to_dict()))
    assert ours <= named
    assert named == {name.split()[0] for name in CASES}


@pytest.mark.parametrize('name', CASES)
def test_gradient(name, monkeypatch):
    loss, given = CASES[name]()
    # what losses raise to float32 stays double here
    monkeypatch.setattr(Tensor, 'float', Tensor.double)
    assert loss(*given).dtype == torch.float64
    assert gradcheck(loss, given)
    grads = torch.autograd.grad(loss(*given).sum(), given)
    assert all(grad.abs().sum() > 0 for grad in grads)
