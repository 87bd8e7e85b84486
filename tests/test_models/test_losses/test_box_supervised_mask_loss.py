from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.losses import BoxProjectionLoss, PairwiseAffinityLoss, fill_boxes

# row-major around the centre, dilation 2
NEIGHBOURS = [(dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2) if (dy, dx) != (0, 0)]

FIRST = torch.tensor([0])


def _affinity_oracle(
    logits: np.ndarray, similarity: np.ndarray, boxes: np.ndarray, threshold: float
) -> float:
    """The pairwise loss edge by edge, in double precision."""
    probs = 1 / (1 + np.exp(-logits.astype(np.float64)))
    num, height, width = probs.shape
    total, count = 0.0, 0.0
    for m, y, x in np.ndindex(num, height, width):
        for k, (dy, dx) in enumerate(NEIGHBOURS):
            if similarity[m, k, y, x] < threshold or not boxes[m, y, x]:
                continue
            p = probs[m, y, x]
            if 0 <= y + dy < height and 0 <= x + dx < width:
                q = probs[m, y + dy, x + dx]
                same = p * q + (1 - p) * (1 - q)
            else:  # both log-probabilities of the neighbour are 0: p + (1 - p)
                same = 1.0
            total -= np.log(same)
            count += 1
    return total / max(count, 1)


def _projection_oracle(logits: np.ndarray, boxes: np.ndarray) -> float:
    probs = 1 / (1 + np.exp(-logits.astype(np.float64)))
    losses = []
    for p, t in zip(probs, boxes):
        loss = 0.0
        for axis in (0, 1):
            a, b = p.max(axis), t.max(axis)
            loss += 1 - 2 * (a * b).sum() / ((a**2).sum() + (b**2).sum() + 1e-5)
        losses.append(loss)
    return float(np.mean(losses))


class TestFillBoxes:
    def test_no_box(self) -> None:
        assert fill_boxes(torch.zeros(0, 4), (32, 64)).shape == (0, 8, 16)

    def test_equals_slices_of_the_full_size_mask(self) -> None:
        corners = torch.rand(20, 2, 2) * torch.tensor([64.0, 32.0])
        boxes = torch.cat([corners.amin(1), corners.amax(1)], 1)
        boxes[0] = torch.tensor([0.0, 0.0, 64.0, 32.0])
        boxes[1] = torch.tensor([1.0, 1.0, 1.0, 1.0])
        expected = torch.zeros(20, 32, 64)
        for mask, (x1, y1, x2, y2) in zip(expected, boxes.tolist()):
            mask[int(y1) : int(y2 + 1), int(x1) : int(x2 + 1)] = 1
        assert torch.equal(fill_boxes(boxes, (32, 64)), expected[:, 2::4, 2::4])


class TestBoxProjectionLoss:
    def test_no_instance_is_zero_and_in_the_graph(self) -> None:
        logits = torch.zeros(0, 4, 5, requires_grad=True)
        loss = BoxProjectionLoss()(logits, torch.zeros(0, 4, 5))
        loss.backward()
        assert loss == 0
        assert logits.grad is not None

    def test_equals_the_oracle(self) -> None:
        logits, boxes = torch.randn(3, 6, 7), torch.zeros(3, 6, 7)
        boxes[:, 1:4, 2:6] = 1
        loss = BoxProjectionLoss()(logits, boxes)
        expected = _projection_oracle(logits.numpy(), boxes.numpy())
        assert loss.item() == pytest.approx(expected, rel=1e-5)

    def test_a_mask_that_touches_all_sides_of_its_box_costs_nothing(self) -> None:
        boxes = torch.zeros(1, 8, 8)
        boxes[:, 2:6, 2:6] = 1
        diagonal = torch.full((1, 8, 8), -50.0)
        diagonal[:, range(2, 6), range(2, 6)] = 50.0
        assert BoxProjectionLoss()(diagonal, boxes).item() == pytest.approx(0, abs=1e-5)


class TestPairwiseAffinityLoss:
    def test_no_instance_is_zero_and_in_the_graph(self) -> None:
        logits = torch.zeros(0, 4, 5, requires_grad=True)
        loss = PairwiseAffinityLoss()(
            logits, torch.rand(2, 8, 4, 5), torch.zeros(0, 4, 5), FIRST[:0]
        )
        loss.backward()
        assert loss == 0
        assert logits.grad is not None

    def test_no_alike_neighbours_is_zero(self) -> None:
        logits = torch.randn(1, 4, 5)
        loss = PairwiseAffinityLoss()(
            logits, torch.full((1, 8, 4, 5), 0.29), torch.ones(1, 4, 5), FIRST
        )
        assert loss == 0

    def test_equals_the_oracle(self) -> None:
        logits, similarity = torch.randn(3, 6, 7) * 2, torch.rand(2, 8, 6, 7)
        boxes, image_inds = torch.zeros(3, 6, 7), torch.tensor([1, 0, 1])
        boxes[:, 1:5, :5] = 1
        loss = PairwiseAffinityLoss()(logits, similarity, boxes, image_inds)
        expected = _affinity_oracle(
            logits.numpy(), similarity[image_inds].numpy(), boxes.numpy(), 0.3
        )
        assert loss.item() == pytest.approx(expected, rel=1e-5)

    def test_threshold_itself_counts(self) -> None:
        logits = torch.randn(1, 6, 6)
        ones = torch.ones(1, 6, 6)
        at = PairwiseAffinityLoss(color_threshold=0.5)(
            logits, torch.full((1, 8, 6, 6), 0.5), ones, FIRST
        )
        above = PairwiseAffinityLoss()(logits, torch.ones(1, 8, 6, 6), ones, FIRST)
        assert at == above > 0

    @pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
    def test_extreme_logits_stay_finite(self, dtype: torch.dtype) -> None:
        logits = torch.tensor([[5e4, -5e4, 5e4], [0, 5e4, -5e4]], dtype=dtype)
        logits = logits.repeat(2, 2)[None].requires_grad_()
        loss = PairwiseAffinityLoss()(
            logits, torch.ones(1, 8, 4, 6), torch.ones(1, 4, 6), FIRST
        )
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
