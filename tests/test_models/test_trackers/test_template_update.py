from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.trackers import (
    ConfidentTemplateUpdate,
    PeriodicTemplateUpdate,
    TemplateTracker,
    VideoFrame,
)
from uninext.structures import Template, TemplateMemory, mask_box

IMAGE = torch.arange(3 * 20 * 30, dtype=torch.float).reshape(3, 20, 30) % 256
BOX = torch.tensor([5.0, 4.0, 15.0, 12.0])
PERIODIC = dict(type='PeriodicTemplateUpdate', interval=1)
CONFIDENT = dict(type='ConfidentTemplateUpdate')


def memory() -> TemplateMemory:
    return TemplateMemory(Template.from_frame(IMAGE, BOX, size=8))


def renew(update, state, score=0.9, box=None, mask=None, out_hw=(20, 30)):
    """Whether one more frame becomes the latest template."""
    before = state.latest
    tracker = TemplateTracker(update, template_size=8)
    tracker.renew(state, VideoFrame(IMAGE, out_hw), score, box, mask)
    return state.latest is not before


def target_mask() -> torch.Tensor:
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[3:9, 6:11] = True
    return mask


def assert_equal(template, expected) -> None:
    for name in ('image', 'prior', 'padding'):
        assert torch.equal(getattr(template, name), getattr(expected, name))


@pytest.mark.parametrize('update', [PERIODIC, CONFIDENT])
def test_nothing_found_is_counted_and_gives_no_template(update):
    state = memory()
    for _ in range(200):
        assert not renew(dict(update, min_score=0.0), state, 0.0)
    assert (state.frame, state.last_score, state.latest) == (200, 0.0, None)


@pytest.mark.parametrize('kwargs', [{'interval': 0}, {'min_score': 1.2}])
def test_wrong_settings_are_refused(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        PeriodicTemplateUpdate(**kwargs)


def test_periodic_takes_the_box_of_every_nth_frame():
    update, state = dict(PERIODIC, interval=3), memory()
    first = state.first
    updated = [renew(update, state, 0.9, BOX, target_mask()) for _ in range(7)]
    assert updated == [False, False, True, False, False, True, False]
    assert state.first is first
    assert_equal(state.latest, Template.from_frame(IMAGE, BOX, size=8))  # no mask


@pytest.mark.parametrize(
    ('update', 'score', 'updated'),
    [
        (PERIODIC, 0.7, False),
        (PERIODIC, 0.71, True),
        (CONFIDENT, 0.69, False),
        (CONFIDENT, 0.7, True),
    ],
)
def test_score_a_template_needs(update, score, updated):
    state = memory()
    assert renew(update, state, score, BOX, target_mask()) is updated
    assert state.last_score == score


def test_confident_takes_the_mask_and_the_box_of_its_pixels():
    state = memory()
    assert renew(CONFIDENT, state, 0.9, BOX, target_mask())
    box = torch.tensor([6.0, 3.0, 10.0, 8.0])
    assert_equal(state.latest, Template.from_frame(IMAGE, box, target_mask(), size=8))


@pytest.mark.parametrize(
    'box',
    [
        [5.0, 5.0, 5.0, 9.0],
        [30.0, 0.0, 40.0, 9.0],
        [float('nan')] * 4,
        [0.0, 0.0, float('inf'), 9.0],
    ],
    ids=['empty', 'outside', 'nan', 'inf'],
)
def test_a_target_that_left_gives_no_template(box):
    state = memory()
    assert renew(PERIODIC, state, 0.9, BOX)
    assert not renew(PERIODIC, state, 0.9, torch.tensor(box))


def test_the_box_is_that_of_the_mask_in_full_size():
    """As published: not that of the mask after it was shrunk (97ef9bd)."""
    differ = 0
    for _ in range(50):
        mask = torch.zeros(50, 70, dtype=torch.bool)
        y, x = (int(v) for v in torch.randint(0, 25, (2,)))
        h, w = (int(v) for v in torch.randint(5, 25, (2,)))
        mask[y : y + h, x : x + w] = torch.rand(h, w) > 0.4
        state = memory()
        assert renew(CONFIDENT, state, mask=mask, out_hw=(50, 70))
        rows, columns = (np.flatnonzero(mask.numpy().any(axis)) for axis in (1, 0))
        corners = np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)
        scale = np.array([70 / 30, 50 / 20] * 2, np.float32)
        small = mask[np.arange(20) * 50 // 20][:, np.arange(30) * 70 // 30]
        box = torch.from_numpy(corners / scale)
        expected = Template.from_frame(IMAGE, box, small, size=8)
        assert_equal(state.latest, expected)
        shrunk = mask_box(small) - torch.tensor([0, 0, 1, 1])
        other = Template.from_frame(IMAGE, shrunk, small, size=8)
        differ += not torch.equal(other.image, expected.image)
    assert differ > 10


def test_a_box_of_the_reported_frame():
    state = memory()
    assert renew(PERIODIC, state, 0.9, BOX * 3, out_hw=(60, 90))
    assert_equal(state.latest, Template.from_frame(IMAGE, BOX, size=8))


@pytest.mark.parametrize('shape', [(20, 30), (50, 70)])
@pytest.mark.parametrize('height', [0, 1, 6])
def test_a_mask_without_area_gives_no_template(shape, height):
    """The published crop has no area then and fails; the target keeps what it had."""
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[3 : 3 + height, 5] = True
    assert not renew(CONFIDENT, memory(), mask=mask, out_hw=shape)
    if height:
        box, with_mask = ConfidentTemplateUpdate().target(None, mask_box(mask))
        assert with_mask
        assert torch.equal(box, mask_box(mask) - torch.tensor([0, 0, 1, 1]))
