"""How many objects, and how long they are waited for, through the front door."""

from __future__ import annotations

import pytest

from helpers.painted_inferencer import GREEN, RED, movie
from helpers.painted_world import frame

NAMES = 'red, green, blue'


@pytest.mark.parametrize('wrong', [0, 1.5, True])
def test_no_number(find, wrong):
    for name in ('max_objects', 'keep_lost'):
        with pytest.raises(ValueError, match=f'{name} must be a whole number from 1'):
            find(movie(), categories=NAMES, as_video=True, **{name: wrong})
    with pytest.raises(ValueError, match='max_objects must be a whole number from 1'):
        find(movie(), categories=NAMES, max_objects=wrong)


@pytest.mark.parametrize('as_video', [False, True])
def test_at_most_so_many(find, as_video):
    asked = dict(categories=NAMES, expression=['red', 'blue'], as_video=as_video)
    for result in find(movie(2), **asked, max_objects=2):
        assert result.prompt_ids.tolist() == [0, 0, 1, 2]  # expressions are one each
    assert [len(result) for result in find(movie(2), **asked)] == [5, 5]


def test_images_lose_nothing(find):
    for given in (dict(keep_lost=3), dict(init_score_thr=0.1)):
        ((name, value),) = given.items()
        message = f'{name}={value} is of frames.*as_video=True'
        with pytest.raises(ValueError, match=message):
            find(movie(), categories=NAMES, **given)


@pytest.mark.parametrize('wrong', [-1, 2, 'no'])
def test_no_score(find, wrong):
    with pytest.raises(ValueError, match='init_score_thr must be a number in 0..1'):
        find.track(categories=NAMES, init_score_thr=wrong)


@pytest.mark.parametrize(('thr', 'number'), [(None, 3), (1.0, 0)])
def test_what_gets_an_id(find, thr, number):
    asked = dict(categories=NAMES, init_score_thr=thr)
    (result,) = find(movie(1), **asked, as_video=True)
    assert len(result) == number == len(find.track(**asked).step(movie(1)[0]))


@pytest.mark.parametrize(('keep_lost', 'ids'), [(None, {0, 1}), (3, {0, 2})])
def test_lost_and_found(find, keep_lost, ids):
    there, gone = frame(red=RED, green=GREEN), frame(red=RED)
    frames = [there, *[gone] * 3, there]
    asked = dict(categories='red, green', keep_lost=keep_lost)
    results = find(frames, **asked, as_video=True)
    tracking = find.track(**asked)
    for image, result in zip(frames, results):
        assert tracking.step(image).track_ids.tolist() == result.track_ids.tolist()
    assert set(results[-1].track_ids.tolist()) == ids
