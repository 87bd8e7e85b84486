from __future__ import annotations

import math

import pytest
import torch

from uninext.models.losses import ContrastiveEmbedLoss, CosineEmbedLoss
from uninext.registry import MODELS

SIZES = [(0, 0), (0, 4), (3, 0)]
NONE = torch.zeros(0, 8)


def embeds(num: int) -> torch.Tensor:
    return torch.randn(num, 8)


def dot(a, b) -> float:
    return sum(x * y for x, y in zip(a.tolist(), b.tolist()))


@pytest.mark.parametrize(('num_pos', 'num_neg'), SIZES)
def test_contrast_needs_both(num_pos, num_neg) -> None:
    embed = embeds(1)[0].requires_grad_()
    loss = ContrastiveEmbedLoss()(embed, embeds(num_pos), embeds(num_neg))
    assert loss == 0
    loss.backward()
    assert embed.grad.abs().sum() == 0


@pytest.mark.parametrize(('num_pos', 'num_neg'), [(1, 1), (3, 5)])
def test_contrast_is_the_sum_over_pairs(num_pos, num_neg) -> None:
    embed, positives, negatives = embeds(1)[0], embeds(num_pos), embeds(num_neg)
    total = 0.0
    for p in positives:
        for n in negatives:
            total += math.exp(dot(embed, n) - dot(embed, p))
    loss = ContrastiveEmbedLoss(loss_weight=2.0)(embed, positives, negatives)
    assert loss.item() == pytest.approx(2 * math.log(1 + total), rel=1e-5)


def test_contrast_of_large_numbers_is_finite() -> None:
    embed = torch.full((8,), 100.0, requires_grad=True)
    loss = ContrastiveEmbedLoss()(embed, -100 * embeds(2).abs(), 100 * embeds(3).abs())
    loss.backward()
    assert loss.isfinite()
    assert embed.grad.isfinite().all()
    assert loss > 1000


def cosine(a, b) -> float:
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def test_cosine_of_nothing() -> None:
    embed = embeds(1)[0].requires_grad_()
    loss = CosineEmbedLoss()(embed, NONE, NONE)
    assert loss == 0
    loss.backward()
    assert embed.grad.abs().sum() == 0


@pytest.mark.parametrize(('num_pos', 'num_neg'), [(0, 4), (0, 10), (3, 0), (2, 20)])
def test_cosine_of_all(num_pos, num_neg) -> None:
    """No more than ten negatives a positive, or ten: none is left out."""
    embed, positives, negatives = embeds(1)[0], embeds(num_pos), embeds(num_neg)
    errors = [(cosine(embed, p) - 1) ** 2 for p in positives]
    errors += [cosine(embed, n) ** 2 for n in negatives]
    loss = CosineEmbedLoss(loss_weight=3.0)(embed, positives, negatives)
    assert loss.item() == pytest.approx(3 * sum(errors) / len(errors), rel=1e-4)


@pytest.mark.parametrize(('num_pos', 'kept'), [(0, 2), (1, 2), (3, 6)])
def test_cosine_samples_negatives(num_pos, kept) -> None:
    """Positives cost nothing here; of 20 negatives one alone costs something."""
    embed = torch.eye(8)[0]
    negatives = torch.eye(8)[1].repeat(20, 1)
    negatives[7] = embed
    positives = embed.repeat(num_pos, 1)
    loss = CosineEmbedLoss(max_negatives_per_positive=2)
    found = [loss(embed, positives, negatives).item() for _ in range(200)]
    values = {round(value * (num_pos + kept)) for value in found}
    assert values == {0, 1}, 'the one is drawn at times, and never twice'
    share = sum(value > 0 for value in found) / len(found)
    assert share == pytest.approx(kept / 20, abs=0.1)


@pytest.mark.parametrize('name', ['ContrastiveEmbedLoss', 'CosineEmbedLoss'])
def test_gradient_draws_together_and_apart(name) -> None:
    loss = MODELS.build(dict(type=name))
    given = [embeds(n).requires_grad_() for n in (1, 2, 3)]
    loss(given[0][0], *given[1:]).backward()
    stepped = [t.detach() - 1e-3 * t.grad for t in given]
    assert all(t.grad.abs().sum() > 0 for t in given)
    after = loss(stepped[0][0], *stepped[1:])
    assert after < loss(given[0][0], *given[1:])
