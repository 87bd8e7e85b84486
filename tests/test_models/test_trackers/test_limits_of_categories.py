"""How many objects of categories there may be, and how long they are waited for."""

from __future__ import annotations

import pytest
import torch

from helpers.painted_inferencer import PaintedVideos
from helpers.painted_world import ColorModel, frame, row_outputs
from helpers.session_checks import run
from uninext.models.trackers import (
    CategoryTracker,
    ExpressionTracker,
    PromptQuasiDenseTracker,
    PromptState,
    VideoFrame,
    VideoInstanceTracker,
    VideoSession,
)
from uninext.models.trackers.base import IdCounter, TrackedPrompt
from uninext.structures import Prompt

BOTH = pytest.mark.parametrize(
    'kind', [PromptQuasiDenseTracker, VideoInstanceTracker], ids=lambda k: k.__name__
)
RED, BLUE = (0, 0, 20, 20), (80, 36, 100, 60)


def opened(tracker: CategoryTracker) -> VideoSession:
    session = VideoSession(ColorModel().eval(), dict(category=tracker))
    session.add(categories='red, blue')
    return session


@BOTH
@pytest.mark.parametrize('wrong', [0, -1, 1.5, True, '3'])
@pytest.mark.parametrize('name', ['max_objects', 'keep_lost'])
def test_no_number(kind, name, wrong):
    for build in (kind, kind().limited, PaintedVideos().open):
        with pytest.raises(ValueError, match=f'{name} must be a whole number from 1'):
            build(**{name: wrong})


@BOTH
@pytest.mark.parametrize('wrong', [-0.1, 1.1, True, '0.3', float('nan')])
def test_no_score(kind, wrong):
    for limit in (kind().limited, PaintedVideos().open):
        with pytest.raises(ValueError, match='init_score_thr must be a number in 0..1'):
            limit(init_score_thr=wrong)


# ---------------------------------------------------------------------- init_score_thr


@BOTH
@pytest.mark.parametrize('score', [0.02, 0.15, 0.6])
def test_an_object_above_the_score_gets_an_id_and_keeps_it(kind, score):
    tracker = kind().limited(init_score_thr=score)
    memory, mask_head = tracker.new_memory(), ColorModel().mask_head
    ids, image = IdCounter(), torch.zeros(3, 64, 128, dtype=torch.uint8)
    found = []
    for at in (score - 0.01, score + 0.01, score + 0.01):
        state = PromptState('category', Prompt.from_categories(['a']), memory)
        parts = [row_outputs([[at]], [RED], [[9.0, 0.0]], size_hw=(64, 128))]
        view = VideoFrame(image, (64, 128), mask_head, ids=ids)
        (one,) = tracker.step([TrackedPrompt(state, parts)], view)
        found.append(one.instances_ids.tolist())
    assert found == [[], [0], [0]]
    assert kind().init_score_thr in (0.2, 0.4)  # others stay as they are


# --------------------------------------------------------------------------- keep_lost


@BOTH
def test_a_tracker_of_a_limit_is_a_copy(kind):
    tracker = kind()
    other = tracker.limited(max_objects=3, keep_lost=7)
    assert (other.max_objects, other.keep_lost) == (3, 7)
    assert (tracker.max_objects, tracker.keep_lost) == (None, 10)
    assert type(other) is kind


@BOTH
@pytest.mark.parametrize('keep_lost', [1, 3, 12])
def test_an_object_keeps_its_id_for_so_many_frames(kind, keep_lost):
    there, gone = frame(red=RED, blue=BLUE), frame(blue=BLUE)
    for hidden, is_kept in ((keep_lost - 1, True), (keep_lost, False)):
        session = opened(kind(keep_lost=keep_lost))
        found = run(session, [there] * 3 + [gone] * hidden + [there])
        ids = [sorted(one.instances_ids.tolist()) for one in found]
        assert ids[2] == [0, 1]
        assert ids[-1] == ([0, 1] if is_kept else [1, 2])


def test_sessions_of_a_model():
    model = PaintedVideos()
    assert model.open().trackers == model.trackers
    session = model.open(keep_lost=2)
    assert session.trackers['category'].keep_lost == 2
    assert model.trackers['category'].keep_lost == 10
    model.trackers = dict(expression=ExpressionTracker())
    assert model.open(keep_lost=2).trackers == model.trackers


def test_a_tracker_that_keeps_nothing():
    class Own(CategoryTracker):
        def associate(self, memory, detections, ids):
            raise AssertionError

    assert Own().limited(max_objects=2).max_objects == 2
    for name, value in (('keep_lost', 2), ('init_score_thr', 0.2)):
        with pytest.raises(ValueError, match=f'Own has no {name}: leave it out'):
            Own().limited(**{name: value})


# ------------------------------------------------------------------------- max_objects


def first_frame(tracker: CategoryTracker, parts) -> list[tuple]:
    """Box and score of each that is reported, best first."""
    prompt = Prompt.from_categories([f'n{i}' for i in range(4)])
    state = PromptState('category', prompt, tracker.new_memory())
    image = torch.zeros(3, 64, 128, dtype=torch.uint8)
    (found,) = tracker.step([TrackedPrompt(state, parts)], VideoFrame(image, (64, 128)))
    rows = zip(found.scores.tolist(), found.bboxes.tolist())
    return sorted(rows, reverse=True)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('number', [1, 4, 99])
def test_the_best_of_all_parts(seed, number):
    """As many as may be, of those that there are without a limit; doubles apart."""
    draw = torch.Generator().manual_seed(seed)
    parts = []
    for offset in (0, 2):
        corners = torch.rand(12, 2, generator=draw) * torch.tensor([90, 30])
        boxes = torch.cat([corners, corners + 24], 1)
        boxes[6:] = boxes[:6]  # doubles
        scores = 0.45 + torch.rand(12, 2, generator=draw) / 2
        embeds = (torch.eye(12) * 9).tolist()
        parts.append(row_outputs(scores.tolist(), boxes.tolist(), embeds, None, offset))
    settings = dict(nms_class_iou_thr=1.0, obj_score_thr=0.0)
    whole = first_frame(PromptQuasiDenseTracker(**settings), parts)
    assert len(whole) > 4
    found = first_frame(PromptQuasiDenseTracker(**settings, max_objects=number), parts)
    assert found == whole[:number]


@BOTH
def test_masks_of_no_more_are_made(kind):
    model = ColorModel().eval()
    session = VideoSession(model, dict(category=kind(max_objects=1)))
    session.add(categories='red, blue')
    for one in run(session, [frame(red=RED, blue=BLUE)] * 2):
        assert len(one) == 1
    assert {len(centres) for centres in model.mask_head.centres} == {1}
