from __future__ import annotations

import math

import pytest
import torch
from mmengine.structures import InstanceData

from uninext.models.trackers import IdCounter
from uninext.models.trackers.association import (
    bisoftmax,
    check_fields,
    join,
    keep_greedily,
    name_new,
    pairwise_mask_iou,
)


def test_nothing_to_compare():
    assert bisoftmax(torch.zeros(0, 4), torch.zeros(3, 4)).shape == (0, 3)
    assert pairwise_mask_iou(torch.zeros(0, 9, dtype=torch.bool)).shape == (0, 0)
    assert keep_greedily(torch.zeros(0, 0), 0.5).shape == (0,)
    counter = IdCounter(3)
    name_new(torch.zeros(0, dtype=torch.int64), torch.zeros(0), 0.5, counter)
    assert counter.next_id == 3


def test_bisoftmax_by_hand():
    embeds = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    memory = torch.tensor([[1.0, 1.0], [0.0, 3.0]])  # products [[1, 0], [2, 6]]
    e = math.exp
    expected = [
        [
            (e(1) / (e(1) + e(0)) + e(1) / (e(1) + e(2))) / 2,
            (e(0) / (e(1) + e(0)) + e(0) / (e(0) + e(6))) / 2,
        ],
        [
            (e(2) / (e(2) + e(6)) + e(2) / (e(1) + e(2))) / 2,
            (e(6) / (e(2) + e(6)) + e(6) / (e(0) + e(6))) / 2,
        ],
    ]
    torch.testing.assert_close(bisoftmax(embeds, memory), torch.tensor(expected))


def test_mask_iou_is_the_pixel_count():
    masks = torch.rand(6, 30) > 0.5
    masks[0] = False
    masks[5] = False
    ious = pairwise_mask_iou(masks)
    for i, a in enumerate(masks):
        for j, b in enumerate(masks):
            union = int((a | b).sum())
            expected = int((a & b).sum()) / union if union else 1.0
            assert float(ious[i, j]) == pytest.approx(expected, abs=1e-5)


def test_what_is_suppressed_suppresses_nothing():
    ious = torch.tensor([[1.0, 0.6, 0.1], [0.6, 1.0, 0.6], [0.1, 0.6, 1.0]])
    assert keep_greedily(ious, 0.5).tolist() == [True, False, True]
    assert keep_greedily(ious, 0.6).tolist() == [True, True, True]


def test_new_names_are_given_best_first_above_the_threshold():
    ids = torch.tensor([-1, 4, -2, -1, -1])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5])
    counter = IdCounter(7)
    name_new(ids, scores, 0.5, counter)
    assert counter.next_id == 9
    assert ids.tolist() == [7, 4, -2, 8, -1]


def test_join_takes_the_width_of_what_comes():
    assert join(torch.zeros(0, 0), torch.ones(2, 3)).shape == (2, 3)
    assert join(torch.zeros(1, 3), torch.ones(2, 3)).shape == (3, 3)


def test_a_missing_field_is_named():
    with pytest.raises(ValueError, match=r"\['embeds'\] are missing"):
        check_fields(InstanceData(scores=torch.zeros(1)), ('scores', 'embeds'))
