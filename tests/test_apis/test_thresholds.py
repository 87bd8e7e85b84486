"""Thresholds for each kind of prompt, and what is not there."""

from __future__ import annotations

import json

import pytest

from helpers.painted_inferencer import RED, movie
from helpers.painted_world import HIGH, LOW, frame
from uninext.apis.thresholds import all_thresholds

DEFAULT = dict(category=0.3, expression=0.0, target=0.0)


def test_what_is_given_goes_before_what_is_stored():
    assert all_thresholds(None) == DEFAULT
    assert all_thresholds({}, {}) == DEFAULT
    assert all_thresholds(0.4) == {**DEFAULT, 'category': 0.4}
    assert all_thresholds(dict(target=1)) == {**DEFAULT, 'target': 1.0}
    stored = dict(category=0.5, expression=0.6)
    assert all_thresholds(None, stored) == {**DEFAULT, **stored}
    assert all_thresholds(0.1, stored) == dict(category=0.1, expression=0.6, target=0)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(box=0.5), "has no kind 'box'; expected category, expression, target"),
        (dict(expression=2), r'must be a number in 0\.\.1, got 2'),
        (dict(target=None), r'must be a number in 0\.\.1, got None'),
    ],
    ids=['kind', 'range', 'none'],
)
def test_others_are_refused(find, wrong, message):
    with pytest.raises(ValueError, match=message):
        find(frame(), categories='red', score_thr=wrong)


def test_expressions_are_there_or_not(find):
    """The red one is found with the score HIGH, the purple one with LOW."""
    scene, texts = frame(red=RED), ['the red one', 'the purple one']
    (result,) = find(scene, expression=texts)
    assert result.prompt_ids.tolist() == [0, 1]
    assert result.absent == []
    (result,) = find(scene, expression=texts, score_thr=dict(expression=0.5))
    assert result.prompt_ids.tolist() == [0]
    assert result.absent == ['the purple one']
    assert repr(result).endswith('1 the red one; not there: the purple one)')
    assert json.loads(result.to_json())['absent'] == ['the purple one']
    for threshold, number in ((LOW * 0.99, 0), (LOW * 1.01, 1), (HIGH * 1.01, 2)):
        (result,) = find(scene, expression=texts, score_thr=dict(expression=threshold))
        assert len(result.absent) == number
        assert len(result) + number == len(texts)


def test_categories_are_never_listed(find):
    (result,) = find(frame(red=RED), categories='green')
    assert not len(result)
    assert result.absent == []


def test_targets_and_frames(find):
    """A target that has left is not there; its track goes on when it is back."""
    frames = [movie(1)[0], frame(), movie(1)[0]]
    thresholds = dict(expression=0.5, target=0.5)
    asked = dict(expression='the red one', box=RED)
    results = find(frames, **asked, as_video=True, score_thr=thresholds)
    assert [len(result) for result in results] == [2, 0, 2]
    assert results[1].absent == ['the red one', 'box (8, 8, 40, 40)']
    assert results[0].track_ids.tolist() == results[2].track_ids.tolist()
    results = find(frames, **asked, as_video=True)
    assert [len(result) for result in results] == [2, 2, 2]
    find.thresholds = thresholds  # as a calibrated checkpoint has them
    tracking = find.track(**asked)
    assert [len(tracking.step(one)) for one in frames] == [2, 0, 2]
    assert len(find.track(**asked).step(frames[0], thresholds)) == 2
    (result,) = find(frame(), expression='the red one')
    assert result.absent == ['the red one']
