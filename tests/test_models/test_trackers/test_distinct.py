from __future__ import annotations

from itertools import permutations

import pytest
import torch

from helpers.painted_world import WIDTH, row_outputs
from uninext.models.trackers import PromptState, distinct_queries
from uninext.models.trackers.base import TrackedPrompt, best_query

LEFT, MIDDLE, RIGHT = (0, 0, 30, 60), (40, 0, 70, 60), (90, 0, 120, 60)
NEAR_LEFT = (2, 0, 32, 60)  # IoU with LEFT: 0.875
NONE_SHOWN = torch.zeros(0, 4)


def target(*scores_of_parts, boxes=(LEFT, MIDDLE, RIGHT), **kwargs) -> TrackedPrompt:
    """What a target found: of each part, the scores of queries with these boxes."""
    found = [
        row_outputs([[score] for score in scores], boxes[: len(scores)], **kwargs)
        for scores in scores_of_parts
    ]
    return TrackedPrompt(PromptState('mask', None), found)


def picked(*targets, shown=NONE_SHOWN, with_iou=False) -> list[tuple[int, int]]:
    return distinct_queries(targets, shown, with_iou, 0.7)


def test_no_target():
    assert picked() == []
    assert picked(shown=torch.tensor([[0, 0, 0.5, 0.5]])) == []


@pytest.mark.parametrize('with_iou', [False, True])
def test_one_target_takes_its_best(with_iou):
    one = target((0.5, 0.4), (0.3, 0.2), ious=(0.1, 0.9))
    assert picked(one, with_iou=with_iou) == [best_query(one, with_iou)]


def test_boxes_that_overlap_are_one_instance():
    boxes = (NEAR_LEFT, LEFT, RIGHT)
    one = target((0.7, 0.1, 0.2))
    other = target((0.6, 0.65, 0.5), boxes=boxes)
    assert picked(one, other) == [(0, 0), (0, 2)]


def test_the_sum_of_scores_is_largest():
    drawn = torch.rand(20, 3, 3, generator=torch.Generator().manual_seed(0))
    for scores in 0.01 + 0.98 * drawn:
        prediction = picked(*[target(row.tolist()) for row in scores])
        best = max(
            permutations(range(3)),
            key=lambda order: float(sum(scores[t, q] for t, q in enumerate(order))),
        )
        assert [query for _, query in prediction] == list(best)


def test_all_parts_of_a_target_are_looked_at():
    parts = target((0.1, 0.2, 0.3), (0.2, 0.9, 0.6))
    assert picked(parts, target((0.1, 0.95, 0.1))) == [(1, 2), (0, 1)]


def test_what_is_shown_is_taken():
    shown = torch.tensor([[0.0, 0.0, 30 / WIDTH, 60 / 64]])  # LEFT
    assert picked(target((0.9, 0.2, 0.1)), shown=shown) == [(0, 1)]


def test_more_targets_than_instances():
    left = [target((score,)) for score in (0.3, 0.9, 0.5)]
    assert picked(*left) == [(0, 0)] * 3, 'those without an instance take their best'


def test_tiny_boxes_are_told_apart():
    """A box that lies in a larger one, both of less than a pixel."""
    boxes = ((10, 10, 10.04, 10.04), (10, 10, 10.01, 10.01))
    one = target((0.9, 0.8), boxes=boxes)
    other = target((0.85, 0.1), boxes=boxes)
    assert picked(one, other) == [(0, 1), (0, 0)]
