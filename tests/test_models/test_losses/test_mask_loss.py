from __future__ import annotations

from functools import partial

import pytest
import torch

from uninext.models.losses import BinaryFocalLoss, MaskDiceLoss, sigmoid_focal_loss
from uninext.registry import MODELS

MaskFocalLoss = partial(BinaryFocalLoss, mean_pixels=True)
LOSSES = [MaskFocalLoss, MaskDiceLoss]


@pytest.mark.parametrize('loss_class', LOSSES)
def test_no_mask_is_zero_and_in_the_graph(loss_class) -> None:
    logits = torch.zeros(0, 4, 5, requires_grad=True)
    loss = loss_class()(logits, torch.zeros(0, 4, 5), avg_factor=0)
    loss.backward()
    assert loss == 0
    assert logits.grad is not None


@pytest.mark.parametrize('loss_class', LOSSES)
def test_perfect_masks_cost_nothing_and_bool_equals_float(loss_class) -> None:
    targets = torch.rand(2, 6, 5) > 0.5
    logits = (targets.float() - 0.5) * 200
    assert loss_class()(logits, targets, 2).item() == pytest.approx(0, abs=1e-5)
    noise = torch.randn(2, 6, 5)
    assert loss_class()(noise, targets, 2) == loss_class()(noise, targets.float(), 2)


@pytest.mark.parametrize('loss_class', LOSSES)
def test_masks_add_up(loss_class) -> None:
    logits, targets = torch.randn(3, 4, 5), torch.rand(3, 4, 5) > 0.5
    loss = loss_class()
    parts = sum(loss(logits[i : i + 1], targets[i : i + 1], 7) for i in range(3))
    torch.testing.assert_close(loss(logits, targets, 7), parts)


def test_focal_is_the_mean_over_pixels() -> None:
    logits, targets = torch.randn(2, 4, 5), torch.rand(2, 4, 5) > 0.5
    pixels = sigmoid_focal_loss(logits, targets)
    loss = MaskFocalLoss(loss_weight=2.0)(logits, targets, 3)
    torch.testing.assert_close(loss, 2 * pixels.sum() / 20 / 3)


def test_dice_has_one_above_and_below_the_line() -> None:
    logits, targets = torch.randn(2, 4, 5), torch.rand(2, 4, 5) > 0.5
    probs = logits.sigmoid()
    expected = sum(
        1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
        for p, t in zip(probs, targets)
    )
    loss = MaskDiceLoss(loss_weight=5.0)(logits, targets, 4)
    torch.testing.assert_close(loss, 5 * expected / 4)


@pytest.mark.parametrize('loss_class', LOSSES)
def test_gradient_points_towards_the_target(loss_class) -> None:
    logits = torch.randn(2, 4, 5, requires_grad=True)
    targets = torch.zeros(2, 4, 5)
    targets[:, 1:3, 1:4] = 1
    loss_class()(logits, targets, 2).backward()
    assert (logits.grad[targets == 1] < 0).all()
    assert (logits.grad[targets == 0] > 0).all()


@pytest.mark.parametrize('name', ['BinaryFocalLoss', 'MaskDiceLoss'])
def test_registered_and_float32_under_autocast(name: str) -> None:
    loss = MODELS.build(dict(type=name, loss_weight=1.0))
    logits = (torch.randn(2, 8, 8) * 1e3).half()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = loss(logits, torch.ones(2, 8, 8), 1)
    assert value.dtype == torch.float32
    assert value.isfinite()
