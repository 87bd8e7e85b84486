"""Prompts that are tracked: what is saved of them is gone on with."""

from __future__ import annotations

import io

import pytest
import torch

from helpers.painted_inferencer import GREEN, moved, movie
from uninext.apis.tracking import Tracking

ASKED = dict(categories='blue', expression='red', box=list(GREEN))


def saved(tracking: Tracking) -> dict:
    """Its state, through a file."""
    file = io.BytesIO()
    torch.save(tracking.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize('done', [0, 1, 3])
def test_another_goes_on_from_a_saved_state(find, done):
    frames = movie()
    whole = find.track(**ASKED)
    wanted = [whole.step(frame).to_dict() for frame in frames]
    first, other = find.track(**ASKED), find.track(**ASKED)
    for frame in frames[:done]:
        first.step(frame)
    other.load_state_dict(saved(first))
    rest = [other.step(frame).to_dict() for frame in frames[done:]]
    assert rest == wanted[done:]
    assert rest[0]['frame'] == done


def test_a_state_is_not_changed_by_what_comes_later(find):
    frames, tracking = movie(), find.track(**ASKED)
    tracking.step(frames[0])
    state = saved(tracking)
    wanted = [tracking.step(frame).to_dict() for frame in frames[1:]]
    tracking.load_state_dict(state)
    tracking.correct(1, box=list(moved(GREEN, 1)))
    corrected = tracking.step(frames[1])
    assert corrected.boxes_xyxy[corrected.track_ids == 1].tolist() == [
        list(moved(GREEN, 1))
    ]
    tracking.load_state_dict(state)
    assert [tracking.step(frame).to_dict() for frame in frames[1:]] == wanted


def test_steps_that_are_done_are_not_done_again(find):
    steps = [
        dict(expression='red', name='it'),
        dict(frame=1, expression='green', name='other'),
        dict(frame=2, correct='it', box=list(moved(GREEN, 2))),
        dict(frame=3, remove='other'),
    ]
    frames, whole = movie(), find.track(prompts=steps)
    wanted = [whole.step(frame).to_dict() for frame in frames]
    for done in range(4):
        first, other = find.track(prompts=steps), find.track(prompts=steps)
        for frame in frames[:done]:
            first.step(frame)
        other.load_state_dict(saved(first))
        rest = [other.step(frame).to_dict() for frame in frames[done:]]
        assert rest == wanted[done:]


def test_a_state_of_other_prompts_is_refused(find):
    state = find.track(expression='red').state_dict()
    with pytest.raises(ValueError, match='state is of 1 prompts, this tracking has 3'):
        find.track(**ASKED).load_state_dict(state)
