"""What holds of corrections whatever the network finds: it has random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.session_checks import assert_same, of_prompt, run
from helpers.small_uninext import SIDE, build, small_video_config
from uninext.models.detectors import UNINEXTVideo
from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoInstanceTracker,
    VideoSession,
)

SIZE_HW = SIDE - 16, SIDE
FIRST, SHOWN = (4, 8, 30, 40), (20, 10, 60, 44)
# Random weights are never sure: everything counts, and every frame gives a template.
UPDATES = dict(
    box=dict(type='PeriodicTemplateUpdate', min_score=0.0, interval=2),
    mask=dict(type='ConfidentTemplateUpdate', min_score=0.0),
)
PLACES = dict(category=0, averaged=0, expression=1, box=2, mask=3)  # of the prompts


@pytest.fixture(scope='module')
def network() -> UNINEXTVideo:
    torch.manual_seed(0)
    return build(small_video_config()).eval()


@pytest.fixture(scope='module')
def frames() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (3, *SIZE_HW, 3), np.uint8))


def filled(box) -> torch.Tensor:
    mask = torch.zeros(SIZE_HW, dtype=torch.bool)
    x1, y1, x2, y2 = box
    mask[y1:y2, x1:x2] = True
    return mask


def shown(by: str, box=SHOWN) -> dict:
    return {by: box if by == 'box' else filled(box)}


def opened(network, averaged: bool = False) -> VideoSession:
    low = dict(select_score_thr=0.01, init_score_thr=0.01)
    category = PromptQuasiDenseTracker(**low, obj_score_thr=0.01)
    if averaged:
        category = VideoInstanceTracker(**low, addnew_score_thr=0.01)
    trackers = dict(category=category, expression=ExpressionTracker())
    for name, update in UPDATES.items():
        trackers[name] = TemplateTracker(update, template_size=SIDE)
    return VideoSession(network, trackers)


@pytest.fixture(scope='module')
def uncorrected(network, frames) -> dict[bool, tuple]:
    """States after the first frame, and what is found in the others."""
    runs = {}
    for averaged in (False, True):
        session = opened(network, averaged)
        session.add(categories='dog, cat')
        session.add(expression='the man')
        session.add(**shown('box', FIRST))
        session.add(**shown('mask', FIRST))
        session.step(frames[0])
        runs[averaged] = session.state_dict(), run(session, frames[1:])
    return runs


@pytest.mark.parametrize(
    ('kind', 'by'),
    [
        ('category', 'box'),
        ('averaged', 'mask'),
        ('expression', 'mask'),
        ('box', 'box'),
        ('mask', 'mask'),
    ],
)
def test_what_is_shown_counts_and_no_other_prompt_changes(
    network, frames, uncorrected, kind, by
):
    """An object is tracked as one that is shown anew, but for its id."""
    place, averaged = PLACES[kind], kind == 'averaged'
    state, expected = uncorrected[averaged]
    session, fresh = opened(network, averaged), opened(network, averaged)
    session.load_state_dict(state)
    others = [session.track_of(i) for i in (1, 2, 3)]
    track_id = next(i for i in session.track_ids if i not in others)
    if place:
        track_id = session.track_of(place)
        fresh.add(**shown(by))
    session.correct(track_id, **shown(by))
    results = run(session, frames[1:])
    for frame, found, same in zip(frames[1:], results, expected):
        assert len(set(found.instances_ids.tolist())) == len(found)
        for i in {*range(4)} - {place}:
            # new tracks of categories are numbered as they come
            pair = (of_prompt(one, i) for one in (found, same))
            assert_same(*pair, ignore=[] if i else ['instances_ids'], exact=False)
        if place:
            anew = fresh.step(frame).pred_instances
            mine = of_prompt(found, place)
            assert_same(mine, anew, ['instances_ids', 'prompt_ids'], exact=False)
    mine = results[0][results[0].instances_ids == track_id]
    assert mine.bboxes.tolist() == [list(SHOWN)]
    assert mine.scores.tolist() == [1]
    assert mine.prompt_ids.tolist() == [place]
    assert by == 'box' or torch.equal(mine.masks[0], filled(SHOWN))
    assert track_id in session.track_ids
