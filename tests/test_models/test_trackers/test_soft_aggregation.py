from __future__ import annotations

import pytest
import torch

from uninext.models.trackers.soft_aggregation import share_pixels
from uninext.registry import MODELS


def owner_of(probs: list[float]) -> int | None:
    """The target that a pixel belongs to, from the definition."""
    background = 1.0
    for p in probs:
        background *= 1 - p
    best = max(range(len(probs)), key=probs.__getitem__)
    return best if probs[best] > background else None


def test_no_target():
    masks = share_pixels(torch.zeros(0, 2, 3))
    assert masks.shape == (0, 2, 3)
    assert masks.dtype == torch.bool


@pytest.mark.parametrize('n', [1, 2, 5])
def test_equals_the_pixel_by_pixel_rule(n):
    probs = torch.rand(n, 9, 11)
    masks = share_pixels(probs)
    for y in range(9):
        for x in range(11):
            owner = owner_of(probs[:, y, x].double().tolist())
            assert masks[:, y, x].tolist() == [i == owner for i in range(n)]


def test_one_target_needs_more_than_half():
    probs = torch.tensor([[[0.5, 0.51, 0.49]]])
    assert share_pixels(probs).tolist() == [[[False, True, False]]]


def test_two_targets_share_what_is_left_of_the_background():
    """0.4 > 0.6 * 0.61: a pixel that no target would win alone."""
    probs = torch.tensor([[[0.4]], [[0.39]]])
    assert share_pixels(probs).flatten().tolist() == [True, False]


@pytest.mark.parametrize(('threshold', 'first'), [(0.0, True), (0.5, False)])
def test_a_target_below_the_threshold_is_blank(threshold, first):
    merge = MODELS.build(dict(type='SoftAggregation', blank_score_thr=threshold))
    probs = torch.tensor([[[0.9, 0.1]], [[0.1, 0.9]]])
    masks = merge(probs, torch.tensor([0.49, 0.5]))
    assert masks.tolist() == [[[first, False]], [[False, True]]]
