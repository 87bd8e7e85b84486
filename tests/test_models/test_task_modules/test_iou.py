from __future__ import annotations

import pytest
import torch
from torch import Tensor

from uninext.models.task_modules import aligned_giou, aligned_iou, pairwise_iou_giou


def _random_boxes(count: int) -> Tensor:
    centers, sizes = torch.rand(count, 2), torch.rand(count, 2) * 0.5 + 0.01
    return torch.cat([centers, sizes], 1)


@pytest.mark.parametrize(('num_a', 'num_b'), [(0, 3), (3, 0), (0, 0)])
def test_empty(num_a: int, num_b: int) -> None:
    iou, giou = pairwise_iou_giou(torch.zeros(num_a, 4), torch.zeros(num_b, 4))
    assert iou.shape == giou.shape == (num_a, num_b)


def test_hand_computed() -> None:
    a = torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    b = torch.tensor([[0.5, 0.25, 0.5, 0.5]])  # half of each is shared
    assert aligned_iou(a, b).item() == pytest.approx(1 / 3, abs=1e-6)
    assert aligned_giou(a, b).item() == pytest.approx(1 / 3, abs=1e-6)
    c = torch.tensor([[0.75, 0.75, 0.5, 0.5]])  # they touch in a corner
    assert aligned_iou(a, c).item() == 0
    assert aligned_giou(a, c).item() == pytest.approx(-0.5, abs=1e-6)


def test_equals_mmdet_where_boxes_are_not_small() -> None:
    from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps

    a, b = _random_boxes(7), _random_boxes(5)
    a[:, 2:] += 0.3
    corners = bbox_cxcywh_to_xyxy(a), bbox_cxcywh_to_xyxy(b)
    iou, giou = pairwise_iou_giou(a, b)
    torch.testing.assert_close(iou, bbox_overlaps(*corners), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        giou, bbox_overlaps(*corners, mode='giou', eps=1e-7), atol=1e-5, rtol=0
    )


def test_eps_is_added_to_the_area() -> None:
    box = torch.tensor([[0.5, 0.5, 1e-3, 1e-4]])  # area 1e-7
    assert aligned_iou(box, box).item() == pytest.approx(0.5, abs=1e-3)


def test_symmetric_bounded_and_diagonal_is_aligned() -> None:
    a, b = _random_boxes(6), _random_boxes(6)
    iou, giou = pairwise_iou_giou(a, b)
    swapped = pairwise_iou_giou(b, a)
    torch.testing.assert_close(iou, swapped[0].T)
    torch.testing.assert_close(giou, swapped[1].T)
    torch.testing.assert_close(iou.diagonal(), aligned_iou(a, b))
    torch.testing.assert_close(giou.diagonal(), aligned_giou(a, b))
    assert ((iou >= 0) & (iou <= 1) & (giou <= iou + 1e-6) & (giou > -1)).all()


def test_half_precision_is_computed_in_float32() -> None:
    a, b = _random_boxes(6).half(), _random_boxes(6).half()
    assert aligned_giou(a, b).dtype == torch.float32
    torch.testing.assert_close(aligned_iou(a, b), aligned_iou(a.float(), b.float()))
