"""Targets that another image shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.painted_world import ColorModel, box_mask, frame
from helpers.session_checks import assert_same, run, same_state, through_a_file
from helpers.small_uninext import build, small_video_config
from uninext.models.trackers import TemplateTracker, VideoSession

RED, BLUE = (0, 0, 20, 20), (80, 36, 100, 60)
PHOTO_HW = (48, 96)  # other than that of frames
IN_PHOTO = (40, 8, 72, 40)
SHOWN = dict(box=dict(box=IN_PHOTO), mask=dict(mask=box_mask(IN_PHOTO, PHOTO_HW)))
KINDS = pytest.mark.parametrize('kind', list(SHOWN))


def opened(kinds=('box', 'mask'), scale=None) -> VideoSession:
    trackers = {k: TemplateTracker(with_iou=False, template_size=32) for k in kinds}
    return VideoSession(ColorModel().eval(), trackers, scale)


def photo() -> np.ndarray:
    return frame(PHOTO_HW, blue=IN_PHOTO)


def test_no_target_is_shown():
    session = opened()
    for prompt in (dict(), dict(categories='red'), dict(prompt='the red one')):
        with pytest.raises(ValueError, match=r'got 0|box=\.\.\. or mask'):
            session.add(**prompt, shown_in=photo())
    assert session.prompt_ids == ()


@KINDS
@pytest.mark.parametrize('scale', [None, (64, 32)], ids=['as it is', 'resized'])
def test_the_first_frame_is_searched(kind, scale):
    session = opened(scale=scale)
    session.add(**SHOWN[kind], shown_in=photo())
    for blue in (BLUE, (84, 36, 104, 60)):
        found = session.step(frame(red=RED, blue=blue)).pred_instances
        assert found.bboxes.round().tolist() == [list(blue)]
        assert found.instances_ids.tolist() == [0]
        assert found.scores[0] < 1  # as it was found


@KINDS
def test_a_target_of_the_frame_beside_one_of_a_photograph(kind):
    session = opened()
    session.add(**SHOWN[kind], shown_in=photo())
    session.add(box=RED)
    first = session.step(frame(red=RED, blue=BLUE)).pred_instances
    assert first.bboxes.round().tolist() == [list(BLUE), list(RED)]
    assert first.instances_ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('shown', 'message'),
    [
        (dict(box=[IN_PHOTO, (200, 0, 240, 9)]), r'outside its frame.*of shown_in'),
        (dict(mask=box_mask(RED)), r'128x64 pixels and its frame 96x48.*of shown_in'),
        (dict(box=IN_PHOTO, shown_in=photo()[..., 0]), 'shown_in is no image.*shape'),
        (dict(box=IN_PHOTO, shown_in='photo.jpg'), 'shown_in is no image.*got str'),
    ],
)
def test_errors_change_nothing(shown, message):
    session = opened()
    before = session.state_dict()
    with pytest.raises(ValueError, match=message):
        session.add(**dict(dict(shown_in=photo()), **shown))
    assert same_state(session.state_dict(), before)


def test_a_kind_without_a_tracker():
    session = opened(kinds=['mask'])
    with pytest.raises(ValueError, match="'box' has no tracker"):
        session.add(box=IN_PHOTO, shown_in=photo())


@KINDS
def test_it_is_saved_corrected_and_removed_as_any_other(kind):
    session, other = opened(), opened()
    (prompt_id,) = session.add(**SHOWN[kind], shown_in=photo())
    other.load_state_dict(through_a_file(session.state_dict()))
    world = frame(red=RED, blue=BLUE)
    assert_same(*(one.step(world).pred_instances for one in (session, other)))
    session.correct(0, box=RED)
    for _ in range(2):
        found = session.step(world).pred_instances
        assert found.bboxes.round().tolist() == [list(RED)]
    session.remove(prompt_id)
    assert not len(session.step(world).pred_instances)


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return build(small_video_config()).eval()


@pytest.mark.parametrize('scale', [None, (96, 64)], ids=['as it is', 'resized'])
def test_a_frame_that_is_a_photograph(network, scale):
    """The own first frame, given as another image, gives the same network's input."""
    first, *later = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)
    trackers = {k: TemplateTracker(template_size=64) for k in ('box', 'mask')}
    shown = dict(box=dict(box=(4, 8, 30, 40)))
    shown['mask'] = dict(mask=box_mask((4, 8, 30, 40), (48, 64)))
    for given in shown.values():
        session, other = (VideoSession(network, trackers, scale) for _ in range(2))
        session.add(**given)
        session.step(first)
        other.add(**given, shown_in=first)
        for one, same in zip(run(session, later), run(other, later)):
            assert_same(one, same)
