from __future__ import annotations

import pytest
import torch

from helpers.painted_world import HEIGHT, WIDTH, PaintedBoxes, painted, row_outputs
from uninext.models.trackers import (
    PromptQuasiDenseTracker,
    PromptState,
    VideoFrame,
    VideoInstanceTracker,
)
from uninext.models.trackers.base import IdCounter, TrackedPrompt
from uninext.structures import Prompt

A, B, C = (0, 0, 24, 24), (32, 0, 56, 24), (64, 32, 96, 64)
EYE = [[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]]
TRACKERS = pytest.mark.parametrize(
    'kind', [PromptQuasiDenseTracker, VideoInstanceTracker]
)


def video_frame(with_masks=True) -> VideoFrame:
    image = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
    return VideoFrame(image, (HEIGHT, WIDTH), PaintedBoxes() if with_masks else None)


class Names:
    """A list of names tracked by hand."""

    def __init__(self, tracker, num_categories=2, next_id=0):
        self.tracker = tracker
        prompt = Prompt.from_categories([f'n{i}' for i in range(num_categories)])
        self.state = PromptState('category', prompt, tracker.new_memory())
        self.ids = IdCounter(next_id)
        self.update = None

    def step(self, *found, frame=None):
        tracked = TrackedPrompt(self.state, list(found))
        frame = frame or video_frame()
        frame.ids = self.ids
        (result,) = self.tracker.step([tracked], frame)
        self.update = tracked.update
        return result


def seen(scores, boxes=(A, B, C), embeds=EYE, **kwargs):
    return row_outputs(scores, boxes, embeds=embeds[: len(boxes)], **kwargs)


def summary(result):
    """(label, id, box) of each, by id."""
    rows = zip(result.labels, result.instances_ids, result.bboxes)
    found = [(int(x), int(i), tuple(box.round().int().tolist())) for x, i, box in rows]
    return sorted(found, key=lambda row: row[1])


WEAK = [[0.02, 0.01], [0.01, 0.01], [0.01, 0.03]]
ALL = [[0.9, 0.02], [0.02, 0.8], [0.7, 0.02]]

B_ALONE = [[0.02, 0.01], [0.02, 0.8], [0.02, 0.02]]


# ----------------------------------------------------------------------- both of them


@TRACKERS
def test_no_prompt(kind):
    assert kind().step([], video_frame()) == []


@TRACKERS
def test_ids_track_the_embedding_not_the_place(kind):
    names = Names(kind())
    assert summary(names.step(seen(ALL))) == [(0, 0, A), (1, 1, B), (0, 2, C)]
    moved = names.step(seen(ALL, (C, A, B)))
    assert summary(moved) == [(0, 0, C), (1, 1, A), (0, 2, B)]
    masks = {int(i): m for i, m in zip(moved.instances_ids, moved.masks)}
    for i, box in enumerate((C, A, B)):
        assert torch.equal(masks[i], painted(box))


@TRACKERS
def test_doubles_of_one_name_are_suppressed(kind):
    doubles = seen([[0.9, 0.02], [0.8, 0.02]], (A, A))
    assert summary(Names(kind()).step(doubles)) == [(0, 0, A)]


@TRACKERS
@pytest.mark.parametrize(('threshold', 'expected'), [(0.75, 2), (0.85, 1), (0.95, 1)])
def test_what_is_above_the_threshold_else_the_best(kind, threshold, expected):
    result = Names(kind(select_score_thr=threshold)).step(seen(ALL))
    assert len(result) == expected
    assert result.bboxes[0].tolist() == list(A)


@TRACKERS
def test_iou_may_count(kind):
    found = seen([[0.9, 0.02], [0.02, 0.5]], (A, B), ious=[0.4, 0.9])
    plain = Names(kind()).step(found)
    torch.testing.assert_close(plain.scores, torch.tensor([0.9, 0.5]))
    both = Names(kind(with_iou=True)).step(found)
    torch.testing.assert_close(both.scores, torch.tensor([0.45, 0.36]).sqrt())


@TRACKERS
def test_names_asked_in_parts(kind):
    """As if asked at once: labels, scores, masks and the tracks of both parts."""
    whole = [[0.9, 0.02, 0.02], [0.02, 0.02, 0.8], [0.02, 0.7, 0.02]]
    first = seen([row[:2] for row in whole])
    second = seen([row[2:] for row in whole], label_offset=2)
    together, apart = Names(kind(), 3), Names(kind(), 3)
    for _ in range(3):
        one, two = together.step(seen(whole)), apart.step(first, second)
        assert summary(one) == summary(two)
        a, b = one.instances_ids.argsort(), two.instances_ids.argsort()
        assert torch.equal(one.masks[a], two.masks[b])
        torch.testing.assert_close(one.scores[a], two.scores[b])
    assert summary(two) == [(0, 0, A), (2, 1, B), (1, 2, C)]


@TRACKERS
def test_the_best_of_all_parts_if_all_are_weak(kind):
    tracker = kind(select_score_thr=0.95)
    first = seen([[0.6, 0.02], [0.02, 0.02], [0.02, 0.02]])
    second = seen([[0.02], [0.7], [0.02]], label_offset=2)
    assert summary(Names(tracker, 3).step(first, second)) == [(2, 0, B)]


@TRACKERS
def test_boxes_are_not_clipped(kind):
    """As published: they reach over the border."""
    over = (-20.0, -8.0, 24.0, 24.0)
    result = Names(kind()).step(seen([[0.9, 0.02]], (over,)))
    torch.testing.assert_close(result.bboxes, torch.tensor([over]))


def test_what_leaves_the_frame_is_no_double_of_its_neighbour():
    """Clipped, both boxes are the same strip at the border; 97ef9bd lost one."""
    long, short = (-60.0, 0.0, 6.0, 24.0), (-2.0, 0.0, 6.0, 24.0)
    found = seen([[0.9, 0.02], [0.02, 0.8]], (long, short))
    result = Names(PromptQuasiDenseTracker()).step(found)
    assert result.instances_ids.tolist() == [0, 1]
    assert result.labels.tolist() == [0, 1]


def test_boxes_alone():
    result = Names(PromptQuasiDenseTracker()).step(seen(ALL), frame=video_frame(False))
    assert 'masks' not in result
    result = Names(PromptQuasiDenseTracker(with_masks=False)).step(seen(ALL))
    assert 'masks' not in result
    assert len(result) == 3


# -------------------------------------------------------------------- averaged scores


def test_video_instances_need_masks():
    with pytest.raises(ValueError, match='PromptQuasiDenseTracker'):
        Names(VideoInstanceTracker()).step(seen(ALL), frame=video_frame(False))


def test_masks_are_computed_once():
    """The tracker looks at those of all queries, a part of them is reported."""
    frame = video_frame()
    result = Names(VideoInstanceTracker()).step(seen(ALL), frame=frame)
    assert len(result.masks) == 3
    assert [len(centres) for centres in frame.mask_head.centres] == [3]


def test_the_name_with_the_highest_mean_is_reported():
    names = Names(VideoInstanceTracker())
    frames = [(0.6, 0.3), (0.3, 0.8), (0.5, 0.3)]
    for i, (first, second) in enumerate(frames):
        result = names.step(seen([[first, second]], (A,)))
        means = torch.tensor(frames[: i + 1]).mean(0)
        torch.testing.assert_close(result.scores, means.max()[None])
        assert result.labels.tolist() == [int(means.argmax())]
        assert result.instances_ids.tolist() == [0]
