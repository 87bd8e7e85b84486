from __future__ import annotations

import pytest
import torch

from uninext.models.trackers import soft_aggregate
from uninext.registry import MODELS


def per_pixel(probs: torch.Tensor, ids: list[int]) -> list[list[int]]:
    rows = []
    for y in range(probs.shape[1]):
        row = []
        for x in range(probs.shape[2]):
            background = 1.0
            for p in probs[:, y, x].tolist():
                background *= 1 - p
            candidates = [(background, 0), *zip(probs[:, y, x].tolist(), ids)]
            row.append(max(candidates, key=lambda c: c[0])[1])
        rows.append(row)
    return rows


def test_no_target_is_background():
    merged = soft_aggregate(torch.zeros(0, 2, 3), [])
    assert merged.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert merged.dtype == torch.int64


@pytest.mark.parametrize('n', [1, 2, 5])
def test_equals_the_pixel_by_pixel_rule(n):
    probs = torch.rand(n, 9, 11)
    ids = [7, 3, 200, 1, 90_000][:n]
    merged = soft_aggregate(probs, torch.tensor(ids))
    assert merged.tolist() == per_pixel(probs.double(), ids)


def test_order_of_the_targets_does_not_matter():
    probs, ids, order = torch.rand(4, 5, 5), [1, 2, 3, 4], [2, 0, 3, 1]
    shuffled = soft_aggregate(probs[order], [ids[i] for i in order])
    assert torch.equal(shuffled, soft_aggregate(probs, ids))


def test_one_target_needs_more_than_half():
    probs = torch.tensor([[[0.5, 0.51, 0.49]]])
    assert soft_aggregate(probs, [4]).tolist() == [[0, 4, 0]]


def test_two_targets_share_what_is_left_of_the_background():
    """0.4 > 0.6 * 0.61: a pixel that no target would win alone."""
    probs = torch.tensor([[[0.4]], [[0.39]]])
    assert soft_aggregate(probs, [1, 2]).tolist() == [[1]]


@pytest.mark.parametrize('ids', [[1], [1, 1], [0, 1], [-1, 2], [1, 2, 3]])
def test_wrong_ids_are_refused(ids):
    with pytest.raises(ValueError, match='different ids above 0'):
        soft_aggregate(torch.zeros(2, 1, 1), ids)


@pytest.mark.parametrize(('threshold', 'expected'), [(0.0, [1, 2]), (0.5, [0, 2])])
def test_a_target_below_the_threshold_is_blank(threshold, expected):
    merge = MODELS.build(dict(type='SoftAggregation', blank_score_thr=threshold))
    probs = torch.tensor([[[0.9, 0.1]], [[0.1, 0.9]]])
    assert merge(probs, torch.tensor([0.49, 0.5]), [1, 2]).tolist() == [expected]
