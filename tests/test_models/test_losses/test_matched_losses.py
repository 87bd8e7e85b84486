from __future__ import annotations

import math

import pytest
import torch

from uninext.models.losses import divide_or_zero
from uninext.registry import MODELS

TOKENS = dict(type='BinaryFocalLoss', loss_weight=2.0)
PIXELS = dict(type='BinaryFocalLoss', mean_pixels=True)
DICE, GIOU = dict(type='MaskDiceLoss'), dict(type='NormalizedGIoULoss')
SHAPES = [(TOKENS, (3, 4, 5)), (PIXELS, (3, 4, 5)), (DICE, (3, 4, 5)), (GIOU, (3, 4))]
every_loss = pytest.mark.parametrize(
    ('cfg', 'shape'), SHAPES, ids=['tokens', 'pixels', 'dice', 'giou']
)


def _focal(logit: float, target: float) -> float:
    """Eq. 5 of the focal loss paper, in double precision, for one token."""
    prob = 1 / (1 + math.exp(-logit))
    if target:
        return -0.25 * (1 - prob) ** 2 * math.log(prob)
    return -0.75 * prob**2 * math.log(1 - prob)


@every_loss
def test_no_pair(cfg, shape) -> None:
    logits = torch.rand(0, *shape[1:], requires_grad=True)
    value = MODELS.build(cfg)(logits, torch.rand(0, *shape[1:]))
    assert value.shape == (0,)
    value.sum().backward()
    assert logits.grad is not None


@every_loss
def test_losses_are_of_each_row(cfg, shape) -> None:
    loss, given, targets = MODELS.build(cfg), torch.rand(shape), torch.rand(shape)
    rows = torch.cat([loss(given[i : i + 1], targets[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(loss(given, targets), rows)


def test_focal_of_layers_is_that_of_each() -> None:
    logits, targets = torch.randn(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    mask, loss = torch.rand(3, 5) > 0.3, MODELS.build(TOKENS)
    each = torch.stack([loss(x, t, mask) for x, t in zip(logits, targets)])
    torch.testing.assert_close(loss(logits, targets, mask), each)


def test_focal_equals_the_formula_over_real_tokens() -> None:
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
    loss = MODELS.build(TOKENS)(logits, targets, mask.bool())
    assert loss.sum().item() == pytest.approx(2 * expected, rel=1e-5)


def test_masked_tokens_have_no_influence() -> None:
    logits = torch.randn(1, 2, 3)
    mask = torch.tensor([[True, True, False]])
    changed = logits.clone()
    changed[..., 2] = 5e4
    changed.requires_grad_()
    loss = MODELS.build(TOKENS)
    value = loss(changed, torch.zeros(1, 2, 3), mask)
    torch.testing.assert_close(value, loss(logits, torch.zeros(1, 2, 3), mask))
    value.backward()
    assert (changed.grad[..., 2] == 0).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_logits_stay_finite(dtype: torch.dtype) -> None:
    logits = torch.tensor([[[5e4, -5e4, 5e4, -5e4]]], dtype=dtype, requires_grad=True)
    targets = torch.tensor([[[1.0, 0.0, 0.0, 1.0]]])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = MODELS.build(TOKENS)(logits, targets)
    loss.backward()
    expected = 2 * logits[0, 0, 0].item() * (0.75 + 0.25)  # the two that are wrong
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('cfg', [PIXELS, DICE], ids=['pixels', 'dice'])
def test_perfect_masks_cost_nothing_and_bool_equals_float(cfg) -> None:
    loss, targets = MODELS.build(cfg), torch.rand(2, 6, 5) > 0.5
    logits = (targets.float() - 0.5) * 200
    assert loss(logits, targets).sum().item() == pytest.approx(0, abs=1e-5)
    noise = torch.randn(2, 6, 5)
    assert torch.equal(loss(noise, targets), loss(noise, targets.float()))


def test_focal_of_pixels_is_their_mean() -> None:
    logits, targets = torch.randn(2, 4, 5), torch.rand(2, 4, 5) > 0.5
    summed = MODELS.build(TOKENS)(logits, targets)
    mean = MODELS.build(dict(PIXELS, loss_weight=2.0))(logits, targets)
    torch.testing.assert_close(mean, summed / 20)


def test_dice_has_one_above_and_below_the_line() -> None:
    logits, targets = torch.randn(2, 4, 5), torch.rand(2, 4, 5) > 0.5
    expected = torch.stack(
        [
            1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
            for p, t in zip(logits.sigmoid(), targets)
        ]
    )
    loss = MODELS.build(dict(DICE, loss_weight=5.0))(logits, targets)
    torch.testing.assert_close(loss, 5 * expected)


def test_equal_boxes_cost_nothing_and_far_boxes_up_to_two() -> None:
    loss = MODELS.build(dict(GIOU, loss_weight=1.0))
    box = torch.tensor([[0.5, 0.5, 0.2, 0.3]])
    far = torch.tensor([[0.9, 0.9, 0.001, 0.001]])
    assert loss(box, box).item() == pytest.approx(0, abs=1e-5)
    assert 1 < loss(box, far).item() < 2


def test_divide_or_zero_takes_numbers_and_tensors() -> None:
    total = torch.tensor(6.0)
    assert divide_or_zero(total, 3) == 2
    assert divide_or_zero(total, torch.tensor(3)) == 2
    assert divide_or_zero(total, 0) == 0
