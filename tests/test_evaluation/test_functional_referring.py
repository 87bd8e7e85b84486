from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from uninext.evaluation.functional.referring import (
    Overlap,
    box_overlap,
    mask_overlap,
    summarize_overlaps,
)
from uninext.formats.rle import decode_segmentation


def test_a_set_without_expressions_has_no_metrics():
    summary = summarize_overlaps([])
    assert 'P@0.5' in summary
    assert all(math.isnan(value) for value in summary.values())


def test_no_answer_is_a_miss_whose_target_still_counts():
    assert box_overlap(None, np.array([0, 0, 2, 3])) == Overlap(0, 6)
    assert mask_overlap(None, np.ones((2, 3), bool)) == Overlap(0, 6)
    assert box_overlap(None, np.array([0, 0, 2, 3])).iou == 0


def test_empty_on_both_sides_is_not_a_division_by_zero():
    assert mask_overlap(np.zeros((2, 2)), np.zeros((2, 2))).iou == 0
    assert box_overlap(np.zeros(4), np.zeros(4)).iou == 0


def test_box_overlap_equals_pycocotools():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 50, (2, 40, 2, 2))
    boxes = np.sort(corners, axis=2).reshape(2, 40, 4)
    xywh = boxes.copy()
    xywh[..., 2:] -= xywh[..., :2]
    expected = mask_utils.iou(xywh[0], xywh[1], [0] * 40).diagonal()
    ious = [box_overlap(a, b).iou for a, b in zip(boxes[0], boxes[1])]
    np.testing.assert_allclose(ious, expected, atol=1e-12)
    assert (expected > 0).any()
    assert (expected == 0).any()


def test_mask_overlap_equals_pycocotools():
    rng = np.random.default_rng(0)
    masks = rng.uniform(size=(2, 13, 17)) > 0.4
    rles = [mask_utils.encode(np.asfortranarray(m, dtype=np.uint8)) for m in masks]
    expected = mask_utils.iou([rles[0]], [rles[1]], [0])[0, 0]
    assert mask_overlap(*masks).iou == pytest.approx(expected)
    assert mask_overlap(*masks) == mask_overlap(*masks[::-1])


def test_a_rectangle_overlaps_alike_as_box_and_as_mask():
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 2:10, 3:9] = True
    masks[1, 5:12, 1:7] = True
    boxes = np.array([[3, 2, 9, 10], [1, 5, 7, 12]])
    assert box_overlap(*boxes) == mask_overlap(*masks)


def test_precision_is_strict_and_the_averages_differ():
    overlaps = [Overlap(1, 2), Overlap(90, 100), Overlap(0, 98)]
    summary = summarize_overlaps(overlaps)
    assert summary['P@0.5'] == pytest.approx(1 / 3)  # 0.5 is not above 0.5
    assert summary['P@0.9'] == 0
    assert summary['P@mean'] == pytest.approx(4 / 5 / 3)
    assert summary['oIoU'] == pytest.approx(91 / 200)
    assert summary['mIoU'] == pytest.approx(1.4 / 3)


def test_precision_never_grows_with_the_threshold():
    rng = np.random.default_rng(1)
    overlaps = [Overlap(value, 1.0) for value in rng.uniform(size=200)]
    values = list(summarize_overlaps(overlaps).values())[:5]
    assert values == sorted(values, reverse=True)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match='prediction must be four numbers'):
        box_overlap(np.zeros((1, 4)), np.zeros(4))
    with pytest.raises(ValueError, match=r'\(2, 2\).*\(3, 2\)'):
        mask_overlap(np.zeros((2, 2)), np.zeros((3, 2)))


def test_all_spellings_of_a_mask_decode_alike():
    mask = np.zeros((12, 10), bool)
    mask[2:6, 3:9] = True
    rle = mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))
    flat = mask.flatten(order='F').astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    polygon = [[3, 2, 9, 2, 9, 6, 3, 6]]
    spellings = [
        rle,
        {'size': [12, 10], 'counts': rle['counts'].decode()},
        {'size': [12, 10], 'counts': counts},
        polygon,
    ]
    for spelling in spellings:
        np.testing.assert_array_equal(decode_segmentation(spelling, 12, 10), mask)
    with pytest.raises(ValueError, match='its image is'):
        decode_segmentation(rle, 10, 12)
