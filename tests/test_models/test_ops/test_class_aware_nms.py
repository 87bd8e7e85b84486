from __future__ import annotations

import pytest
import torch

from uninext.models.ops import class_aware_nms, pairwise_iou


def iou(a: list[float], b: list[float]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    return width * height / (sum(areas) - width * height)


def brute_force(boxes, scores, labels, threshold) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        rivals = [j for j in kept if labels[i] == labels[j]]
        if all(iou(boxes[i], boxes[j]) <= threshold for j in rivals):
            kept.append(i)
    return kept


def test_no_box():
    kept = class_aware_nms(
        torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 0.5
    )
    assert kept.shape == (0,)
    assert kept.dtype == torch.int64


@pytest.mark.parametrize('threshold', [0.0, 0.3, 0.7, 1.0])
def test_equals_brute_force(threshold):
    boxes = torch.rand(60, 4)
    boxes[:, 2:] += boxes[:, :2] + 0.1
    scores, labels = torch.rand(60), torch.randint(3, (60,))
    kept = class_aware_nms(boxes, scores, labels, threshold).tolist()
    expected = brute_force(boxes.tolist(), scores.tolist(), labels.tolist(), threshold)
    assert kept == expected


def test_first_of_equal_scores_stays():
    boxes = torch.tensor([[0.0, 0, 1, 1]]).expand(3, 4)
    labels = torch.zeros(3, dtype=torch.long)
    assert class_aware_nms(boxes, torch.ones(3), labels, 0.5).tolist() == [0]


@pytest.mark.parametrize('unit', [1e-6, 1 / 1333, 1.0, 4096.0])
def test_unit_of_boxes_does_not_matter(unit):
    """Boxes of some pixels, in 0..1 of a large image too."""
    boxes = torch.rand(60, 4)
    boxes[:, 2:] += boxes[:, :2] + 0.1
    scores, labels = torch.rand(60), torch.randint(3, (60,))
    expected = class_aware_nms(boxes, scores, labels, 0.3)
    assert len(expected) < 60
    assert torch.equal(class_aware_nms(boxes * unit, scores, labels, 0.3), expected)


@pytest.mark.parametrize('side', [1e-9, 1e-6, 6e-4, 1.0])
def test_equal_boxes_are_one_however_small(side):
    boxes = torch.tensor([[0.0, 0.0, side, side]]).expand(2, 4)
    labels = torch.zeros(2, dtype=torch.long)
    kept = class_aware_nms(boxes, torch.tensor([0.4, 0.5]), labels, 0.7)
    assert kept.tolist() == [1]


def test_boxes_without_area_overlap_nothing():
    boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2]]).expand(2, 4)
    assert pairwise_iou(boxes, boxes).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert pairwise_iou(boxes[:0], boxes).shape == (0, 2)
