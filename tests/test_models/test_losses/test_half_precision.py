"""Losses of float16 values that float16 cannot calculate with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from uninext.registry import MODELS

LARGEST = 6e4  # float16 ends at 65504
SURE = torch.tensor([LARGEST, -LARGEST, 0.0, 8.0]).view(1, 2, 2)
WRONG = torch.tensor([0.0, 1.0, 1.0, 0.0]).view(1, 2, 2)


def embeds(kind: str) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Three embeddings of 256 channels: products of two are 2e5 and more."""
    loss = MODELS.build(dict(type=kind))
    return lambda x: loss(x[0], x[1:2], x[2:]), torch.randn(3, 256) + 30


def boxes() -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Sides of 2e-3 and of nothing: areas are below what float16 tells from 0."""
    loss = MODELS.build(dict(type='NormalizedGIoULoss'))
    side = 2.0**-9
    targets = torch.tensor([[0.5, 0.5, side, side], [0.25, 0.25, side, side / 8]])
    given = torch.tensor([[0.5, 0.5, side, side / 2], [0.25, 0.25, 0.0, 0.0]])
    return lambda x: loss(x, targets.to(x)), given


def masks(kind: str, **options: object) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """As sure as can be, and wrong."""
    loss = MODELS.build(dict(type=kind, **options))
    return lambda x: loss(x, WRONG.to(x)), SURE


def large_masks() -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Of 400 x 400 pixels: probabilities add up to 80,000."""
    loss = MODELS.build(dict(type='MaskDiceLoss'))
    return lambda x: loss(x, torch.ones_like(x)), torch.zeros(1, 400, 400)


def pairs() -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Neighbours that are both sure: the logarithms of a pair add up to -1.2e5."""
    loss = MODELS.build(dict(type='PairwiseAffinityLoss'))
    logits = torch.full((1, 6, 6), LARGEST)
    logits[:, ::2] *= -1
    alike, inside = torch.ones(1, 8, 6, 6), torch.ones(1, 6, 6)
    first = torch.tensor([0])
    return lambda x: loss(x, alike.to(x), inside.to(x), first), logits


CASES = {
    'BinaryFocalLoss': lambda: masks('BinaryFocalLoss'),
    'BinaryFocalLoss of pixels': lambda: masks('BinaryFocalLoss', mean_pixels=True),
    'MaskDiceLoss': large_masks,
    'NormalizedGIoULoss': boxes,
    'BoxProjectionLoss': lambda: masks('BoxProjectionLoss'),
    'PairwiseAffinityLoss': pairs,
    'ContrastiveEmbedLoss': lambda: embeds('ContrastiveEmbedLoss'),
    'CosineEmbedLoss': lambda: embeds('CosineEmbedLoss'),
}


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
def test_half_values_are_calculated_with_in_float32(name, dtype):
    loss, values = CASES[name]()
    half = values.to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype):
        found = loss(half)
    expected = loss(half.detach().double())
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), expected.double(), rtol=1e-3, atol=1e-4)
    found.sum().backward()
    assert half.grad.isfinite().all()
