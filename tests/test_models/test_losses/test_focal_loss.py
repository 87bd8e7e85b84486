from __future__ import annotations

import math

import pytest
import torch

from uninext.models.losses import BinaryFocalLoss, divide_or_zero, sigmoid_focal_loss
from uninext.registry import MODELS


def _focal(logit: float, target: float) -> float:
    """Eq. 5 of the focal loss paper, in double precision, for one token."""
    prob = 1 / (1 + math.exp(-logit))
    if target:
        return -0.25 * (1 - prob) ** 2 * math.log(prob)
    return -0.75 * prob**2 * math.log(1 - prob)


@pytest.mark.parametrize('shape', [(0, 4, 3), (2, 0, 3), (2, 4, 0)])
def test_empty_is_zero_and_in_the_graph(shape: tuple[int, ...]) -> None:
    logits = torch.zeros(shape, requires_grad=True)
    loss = BinaryFocalLoss()(logits, torch.zeros(shape), avg_factor=0)
    loss.backward()
    assert loss == 0
    assert logits.grad is not None


def test_no_match_gives_zero_as_published() -> None:
    logits = torch.randn(1, 3, 4, requires_grad=True)
    for count in (0, 0.0, torch.tensor(0)):
        loss = BinaryFocalLoss()(logits, torch.zeros(1, 3, 4), count)
        assert loss == 0
    loss.backward()
    assert (logits.grad == 0).all()


def test_equals_the_formula_over_real_tokens() -> None:
    logits = torch.randn(2, 3, 4) * 3
    targets = torch.rand(2, 3, 4) > 0.7
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]])
    expected = sum(
        _focal(float(logits[b, q, t]), float(targets[b, q, t]))
        for b in range(2)
        for q in range(3)
        for t in range(4)
        if mask[b, t]
    )
    loss = BinaryFocalLoss(loss_weight=2.0)(logits, targets, 5, mask.bool())
    assert loss.item() == pytest.approx(2 * expected / 5, rel=1e-5)


def test_masked_tokens_have_no_influence() -> None:
    logits = torch.randn(1, 2, 3)
    mask = torch.tensor([[True, True, False]])
    changed = logits.clone()
    changed[..., 2] = 5e4
    changed.requires_grad_()
    loss = BinaryFocalLoss()
    value = loss(changed, torch.zeros(1, 2, 3), 1, mask)
    torch.testing.assert_close(value, loss(logits, torch.zeros(1, 2, 3), 1, mask))
    value.backward()
    assert (changed.grad[..., 2] == 0).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_stay_finite(dtype: torch.dtype) -> None:
    logits = torch.tensor([[[5e4, -5e4, 5e4, -5e4]]], dtype=dtype, requires_grad=True)
    targets = torch.tensor([[[1.0, 0.0, 0.0, 1.0]]])
    loss = BinaryFocalLoss(loss_weight=1.0)(logits, targets, 1)
    loss.backward()
    expected = logits[0, 0, 0].item() * (0.75 + 0.25)  # the two that are wrong
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert logits.grad.isfinite().all()


def test_gradient_is_that_of_finite_differences() -> None:
    logits = torch.randn(2, 3, dtype=torch.float32, requires_grad=True)
    targets = (torch.rand(2, 3) > 0.5).float()
    torch.autograd.gradcheck(
        lambda x: sigmoid_focal_loss(x, targets),
        logits,
        eps=1e-3,
        atol=1e-3,
        nondet_tol=0,
    )


def test_divide_or_zero_takes_numbers_and_tensors() -> None:
    total = torch.tensor(6.0)
    assert divide_or_zero(total, 3) == 2
    assert divide_or_zero(total, torch.tensor(3)) == 2
    assert divide_or_zero(total, 0) == 0


def test_runs_under_autocast_and_is_registered() -> None:
    loss = MODELS.build(dict(type='BinaryFocalLoss', loss_weight=2.0))
    logits = torch.randn(1, 3, 4)
    expected = loss(logits, torch.ones(1, 3, 4), 1)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = loss(logits, torch.ones(1, 3, 4), 1)
    torch.testing.assert_close(value, expected)
