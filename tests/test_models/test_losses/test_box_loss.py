from __future__ import annotations

import pytest
import torch

from uninext.models.losses import NormalizedGIoULoss
from uninext.registry import MODELS


def test_no_pair_is_zero_and_in_the_graph() -> None:
    boxes = torch.zeros(0, 4, requires_grad=True)
    loss = NormalizedGIoULoss()(boxes, torch.zeros(0, 4), avg_factor=0)
    loss.backward()
    assert loss == 0
    assert boxes.grad is not None


def test_equal_boxes_cost_nothing_and_far_boxes_up_to_two() -> None:
    loss = MODELS.build(dict(type='NormalizedGIoULoss', loss_weight=1.0))
    box = torch.tensor([[0.5, 0.5, 0.2, 0.3]])
    far = torch.tensor([[0.9, 0.9, 0.001, 0.001]])
    assert loss(box, box, 1).item() == pytest.approx(0, abs=1e-5)
    assert 1 < loss(box, far, 1).item() < 2


def test_sums_and_divides() -> None:
    boxes, targets = torch.rand(5, 4), torch.rand(5, 4)
    loss = NormalizedGIoULoss(loss_weight=2.0)
    parts = sum(loss(boxes[i : i + 1], targets[i : i + 1], 1) for i in range(5))
    torch.testing.assert_close(loss(boxes, targets, 4), parts / 4)


def test_descent_ends_at_the_target() -> None:
    target = torch.tensor([[0.4, 0.6, 0.2, 0.3]])
    boxes = torch.tensor([[0.6, 0.5, 0.3, 0.2]], requires_grad=True)
    optimizer = torch.optim.Adam([boxes], lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        NormalizedGIoULoss()(boxes, target, 1).backward()
        optimizer.step()
    torch.testing.assert_close(boxes.detach(), target, atol=0.02, rtol=0)
