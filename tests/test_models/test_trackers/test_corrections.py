from __future__ import annotations

import pytest
import torch

from helpers.painted_inferencer import PaintedVideos, movie
from helpers.painted_world import ColorModel, box_mask, frame
from helpers.session_checks import assert_same, run, same_state, through_a_file
from uninext.apis import UninextInferencer
from uninext.models.trackers import (
    CategoryTracker,
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoInstanceTracker,
    VideoSession,
)

RED, GREEN, BLUE = (0, 0, 20, 20), (40, 8, 60, 32), (80, 36, 100, 60)
KINDS = ('category', 'averaged', 'expression', 'box', 'mask')


def scene(**changes):
    boxes = dict(dict(red=RED, green=GREEN, blue=BLUE), **changes)
    return frame(**{color: box for color, box in boxes.items() if box})


def opened(kind='category', **changes) -> VideoSession:
    category = PromptQuasiDenseTracker()
    if kind == 'averaged':
        category = VideoInstanceTracker()
    trackers = dict(
        category=category,
        expression=ExpressionTracker(with_iou=False),
        box=TemplateTracker(with_iou=False, template_size=32),
        mask=TemplateTracker(with_iou=False, template_size=32),
    )
    trackers.update(changes)
    trackers = {name: tracker for name, tracker in trackers.items() if tracker}
    return VideoSession(ColorModel().eval(), trackers)


def asked(kind: str) -> VideoSession:
    """Looks for what is red, in a way; its track is 0."""
    session = opened(kind)
    prompts = dict(box=dict(box=RED), mask=dict(mask=box_mask(RED)))
    prompts['expression'] = dict(expression='the red one')
    session.add(**prompts.get(kind, dict(categories='red, green')))
    return session


def of_track(result, track_id):
    return result[result.instances_ids == track_id]


def box_of(result, track_id) -> tuple[int, ...]:
    (box,) = of_track(result, track_id).bboxes.round().int().tolist()
    return tuple(box)


# ------------------------------------------------------------------ nothing to correct


def test_without_tracks():
    session = opened()
    assert session.track_ids == ()
    with pytest.raises(ValueError, match=r'no track 0; there are \[\]'):
        session.correct(0, box=RED)
    session.add(categories='red')
    session.step(frame())
    assert session.track_ids == ()


@pytest.mark.parametrize('kind', KINDS)
def test_errors_name_the_tracks_and_change_nothing(kind):
    session = asked(kind)
    session.step(scene())
    ids = (0, 1) if kind in ('category', 'averaged') else (0,)
    assert session.track_ids == ids
    before = session.state_dict()
    for track_id, given, message in [
        (7, dict(box=RED), rf'no track 7; there are \[{", ".join(map(str, ids))}\]'),
        (0, {}, 'one of box'),
        (0, dict(box=RED, mask=box_mask(RED)), 'one of box'),
        (0, dict(box=[RED, BLUE]), 'got 2'),
        (0, dict(box=(9, 9, 3, 3)), 'corners are swapped'),
    ]:
        with pytest.raises(ValueError, match=message):
            session.correct(track_id, **given)
        assert same_state(session.state_dict(), before)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(box=(500, 0, 520, 9)), 'outside its frame, which is 128 x 64'),
        (dict(mask=box_mask(RED, (32, 32))), '32x32'),
    ],
)
@pytest.mark.parametrize('kind', KINDS)
def test_a_correction_that_no_frame_can_show_is_dropped(kind, given, message):
    session, other = asked(kind), asked(kind)
    for one in (session, other):
        one.step(scene())
    session.correct(0, **given)
    with pytest.raises(ValueError, match=rf'{message}.*\n?.*correction of track 0'):
        session.step(scene())
    assert_same(*(one.step(scene()).pred_instances for one in (session, other)))
    assert same_state(session.state_dict(), other.state_dict())


def test_a_model_without_a_tracker_for_what_is_shown():
    session = opened(mask=None)
    session.add(expression='the red one')
    with pytest.raises(ValueError, match="'mask' has no tracker"):
        session.correct(0, mask=box_mask(RED))

    class Own(PromptQuasiDenseTracker):
        can_correct = False

    session = opened(category=Own())
    session.add(categories='red')
    session.step(scene())
    with pytest.raises(ValueError, match='Own does not correct tracks'):
        session.correct(0, box=RED)
    assert not CategoryTracker.can_correct


def test_the_track_of_a_prompt():
    for kind in ('expression', 'box', 'mask'):
        assert asked(kind).track_of(0) == 0
    with pytest.raises(ValueError, match='list of categories'):
        asked('category').track_of(0)
    with pytest.raises(ValueError, match='no prompt 7'):
        asked('box').track_of(7)


# --------------------------------------------------------------------------- corrected


@pytest.mark.parametrize('shown', ['box', 'mask'])
@pytest.mark.parametrize('kind', KINDS)
def test_the_frame_says_what_was_shown_and_later_ones_go_on(kind, shown):
    session = asked(kind)
    session.step(scene())
    ids = session.track_ids
    session.correct(0, **{shown: BLUE if shown == 'box' else box_mask(BLUE)})
    red = (
        None if kind == 'averaged' else RED
    )  # what is left of it is a track of its own
    result = session.step(scene(red=red)).pred_instances
    assert box_of(result, 0) == BLUE
    assert of_track(result, 0).scores.tolist() == [1]
    assert (result.prompt_ids == 0).all()
    (mask,) = of_track(result, 0).masks
    if shown == 'mask':
        assert torch.equal(mask, box_mask(BLUE))
    elif kind in ('box', 'mask', 'expression'):
        assert mask.any()
    assert set(ids) <= set(session.track_ids)
    if kind in ('expression', 'box', 'mask'):
        moved = (84, 36, 104, 60)
        result = session.step(scene(blue=moved)).pred_instances
        assert box_of(result, 0) == moved


@pytest.mark.parametrize('kind', ['category', 'averaged'])
def test_a_track_of_categories_is_known_by_its_new_embedding(kind):
    """Two exchanged tracks are exchanged for good."""
    session = asked(kind)
    for _ in range(3):
        first = session.step(scene()).pred_instances
    assert (box_of(first, 0), box_of(first, 1)) == (RED, GREEN)
    session.correct(0, box=GREEN)
    session.correct(1, box=RED)
    for _ in range(3):
        result = session.step(scene()).pred_instances
        assert (box_of(result, 0), box_of(result, 1)) == (GREEN, RED)
        assert len(result) == 2
    assert session.track_ids == (0, 1)


@pytest.mark.parametrize('kind', KINDS)
def test_a_lost_track_is_found_by_its_correction(kind):
    session = asked(kind)
    session.step(scene())
    for _ in range(3):
        session.step(scene(red=None))
    there = (0, 40, 20, 60)
    session.correct(0, box=there)
    for _ in range(2):
        result = session.step(scene(red=there)).pred_instances
        assert box_of(result, 0) == there


@pytest.mark.parametrize('kind', ['category', 'averaged'])
def test_what_ended_is_no_track(kind):
    session = asked(kind)
    run(session, [scene()] + [scene(red=None)] * 12)
    with pytest.raises(ValueError, match=r'no track 0; .*anew, by its box'):
        session.correct(0, box=RED)


def test_what_fits_no_detection_is_shown_and_keeps_its_embedding():
    session = asked('category')
    session.step(scene())
    embeds = session._prompts[0].memory.embeds
    nowhere = (100, 0, 120, 20)
    session.correct(0, box=nowhere)
    result = session.step(scene(red=None)).pred_instances
    assert box_of(result, 0) == nowhere
    assert not of_track(result, 0).masks.any()
    assert torch.equal(session._prompts[0].memory.embeds, embeds)
    assert box_of(session.step(scene()).pred_instances, 0) == RED


@pytest.mark.parametrize('kind', KINDS)
def test_a_correction_of_what_was_right_changes_no_box(kind):
    session, other = asked(kind), asked(kind)
    for one in (session, other):
        one.step(scene())
    session.correct(0, mask=box_mask(RED))
    for _ in range(3):
        mine, theirs = (s.step(scene()).pred_instances for s in (session, other))
        for track_id in theirs.instances_ids.tolist():
            assert box_of(mine, track_id) == box_of(theirs, track_id)
            labels = of_track(mine, track_id).labels, of_track(theirs, track_id).labels
            assert torch.equal(*labels)


@pytest.mark.parametrize('kind', KINDS)
def test_a_session_is_saved_with_its_corrections(kind):
    session = asked(kind)
    session.step(scene())
    session.correct(0, box=BLUE)
    other = opened(kind)
    other.load_state_dict(through_a_file(session.state_dict()))
    for _ in range(2):
        assert_same(*(one.step(scene()).pred_instances for one in (session, other)))
    again = opened(kind)
    again.load_state_dict(through_a_file(session.state_dict()))
    assert_same(*(one.step(scene()).pred_instances for one in (session, again)))


def test_a_state_of_before_there_were_corrections():
    session = asked('box')
    state = session.state_dict()
    assert state.pop('corrections') == {}
    other = opened()
    other.load_state_dict(state)
    assert same_state(session.state_dict(), other.state_dict())


def test_the_last_correction_counts_and_goes_with_its_prompt():
    session = asked('expression')
    session.correct(0, box=GREEN)
    session.correct(0, box=BLUE)
    assert box_of(session.step(scene()).pred_instances, 0) == BLUE
    assert session.names_of(0) == ('the red one',)
    session.correct(0, box=GREEN)
    session.remove(0)
    assert not len(session.step(scene()).pred_instances)


def test_a_target_that_waits_is_replaced():
    session = asked('box')
    session.correct(0, box=BLUE)
    assert box_of(session.step(scene()).pred_instances, 0) == BLUE


def test_tracking_of_the_inferencer():
    find = UninextInferencer(PaintedVideos().eval())
    tracking = find.track(expression='red')
    first, second, third, _ = movie()
    track_id = int(tracking.step(first).track_ids[0])
    shown = (68, 16, 108, 56)  # the green one
    tracking.correct(track_id, box=shown)
    result = tracking.step(second)
    assert result.track_ids.tolist() == [track_id]
    assert result.boxes_xyxy.round().tolist() == [list(shown)]
    assert tracking.step(third).boxes_xyxy.round().tolist() == [[72, 16, 112, 56]]
    with pytest.raises(ValueError, match='there are'):
        tracking.correct(99, box=shown)
