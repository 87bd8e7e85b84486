from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from uninext.formats.boxes import cut_box, pairwise_iou, xywh_to_xyxy, xyxy_to_xywh


def test_corners_and_sides_are_inverse():
    boxes = np.random.RandomState(0).rand(3, 5, 4)
    np.testing.assert_allclose(xyxy_to_xywh(xywh_to_xyxy(boxes)), boxes, atol=1e-12)
    assert xywh_to_xyxy(np.zeros((0, 4))).shape == (0, 4)
    assert xywh_to_xyxy([1, 2, 3, 4]).tolist() == [1, 2, 4, 6]


def test_iou_is_that_of_pycocotools():
    a, b = np.random.RandomState(1).rand(2, 6, 4) * 10
    expected = mask_utils.iou(a, b, [0] * 6)
    np.testing.assert_allclose(pairwise_iou(*map(xywh_to_xyxy, (a, b))), expected)
    assert pairwise_iou([], b).shape == (0, 6)


@pytest.mark.parametrize(
    ('box', 'expected'),
    [
        ([-2, 1, 3, 9], [0, 1, 3, 7]),
        ([1, 1, 2.006, 2], [1, 1, 1.01, 1]),
        ([10, 0, 12, 4], None),
    ],
)
def test_a_box_is_cut_to_its_frame(box, expected):
    assert cut_box(box, (10, 8)) == expected
