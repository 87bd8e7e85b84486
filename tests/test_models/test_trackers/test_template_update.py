from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.trackers import ConfidentTemplateUpdate, PeriodicTemplateUpdate
from uninext.registry import MODELS
from uninext.structures import Template, TemplateMemory, mask_box

IMAGE = torch.arange(3 * 20 * 30, dtype=torch.float).reshape(3, 20, 30) % 256
BOX = torch.tensor([5.0, 4.0, 15.0, 12.0])


def memory() -> TemplateMemory:
    return TemplateMemory(Template.from_frame(IMAGE, BOX, size=8))


def target_mask() -> torch.Tensor:
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[3:9, 6:11] = True
    return mask


@pytest.mark.parametrize('name', ['PeriodicTemplateUpdate', 'ConfidentTemplateUpdate'])
def test_nothing_found_is_counted_and_gives_no_template(name):
    policy, state = MODELS.build(dict(type=name, min_score=0.0)), memory()
    for _ in range(200):
        assert not policy.step(state, IMAGE, 0.0)
    assert (state.frame, state.last_score, state.latest) == (200, 0.0, None)


@pytest.mark.parametrize('kwargs', [{'interval': 0}, {'min_score': 1.2}])
def test_wrong_settings_are_refused(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        PeriodicTemplateUpdate(**kwargs)


def test_periodic_takes_the_box_of_every_nth_frame():
    policy, state = PeriodicTemplateUpdate(interval=3, size=8), memory()
    first = state.first
    updated = [
        policy.step(state, IMAGE, 0.9, BOX, mask=target_mask()) for _ in range(7)
    ]
    assert updated == [False, False, True, False, False, True, False]
    assert state.first is first
    expected = Template.from_frame(IMAGE, BOX, size=8)
    assert torch.equal(state.latest.prior, expected.prior)  # of the box: no mask
    assert torch.equal(state.latest.image, expected.image)


@pytest.mark.parametrize(
    ('policy', 'score', 'updated'),
    [
        (PeriodicTemplateUpdate(interval=1), 0.7, False),
        (PeriodicTemplateUpdate(interval=1), 0.71, True),
        (ConfidentTemplateUpdate(), 0.69, False),
        (ConfidentTemplateUpdate(), 0.7, True),
    ],
)
def test_score_a_template_needs(policy, score, updated):
    state = memory()
    assert policy.step(state, IMAGE, score, BOX, target_mask()) is updated
    assert (state.latest is not None) is updated
    assert state.last_score == score


def test_confident_takes_the_mask_and_the_box_of_its_pixels():
    policy, state = ConfidentTemplateUpdate(context=1.5, size=8), memory()
    assert policy.step(state, IMAGE, 0.9, box_xyxy=BOX, mask=target_mask())
    box = torch.tensor([6.0, 3.0, 10.0, 8.0])
    expected = Template.from_frame(IMAGE, box, target_mask(), 1.5, 8)
    assert torch.equal(state.latest.prior, expected.prior)
    assert torch.equal(state.latest.image, expected.image)


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
    policy, state = PeriodicTemplateUpdate(interval=1, size=8), memory()
    assert policy.step(state, IMAGE, 0.9, BOX)
    latest = state.latest
    assert not policy.step(state, IMAGE, 0.9, torch.tensor(box))
    assert state.latest is latest


@pytest.mark.parametrize('pixels', [0, 1], ids=['empty', 'one_pixel'])
def test_a_mask_without_area_gives_no_template(pixels):
    policy, state = ConfidentTemplateUpdate(size=8), memory()
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[4, 4 : 4 + pixels] = True
    assert not policy.step(state, IMAGE, 0.9, BOX, mask)


def test_the_box_is_that_of_the_mask_in_full_size():
    """As published: not that of the mask after it was shrunk (97ef9bd)."""
    policy, differ = ConfidentTemplateUpdate(size=8), 0
    for _ in range(50):
        mask = torch.zeros(50, 70, dtype=torch.bool)
        y, x = (int(v) for v in torch.randint(0, 25, (2,)))
        h, w = (int(v) for v in torch.randint(5, 25, (2,)))
        mask[y : y + h, x : x + w] = torch.rand(h, w) > 0.4
        state = memory()
        assert policy.step(state, IMAGE, 0.9, mask=mask, out_size_hw=(50, 70))
        rows, columns = (np.flatnonzero(mask.numpy().any(axis)) for axis in (1, 0))
        corners = np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)
        scale = np.array([70 / 30, 50 / 20] * 2, np.float32)
        small = mask[np.arange(20) * 50 // 20][:, np.arange(30) * 70 // 30]
        box = torch.from_numpy(corners / scale)
        expected = Template.from_frame(IMAGE, box, small, size=8)
        for name in ('image', 'prior', 'padding'):
            assert torch.equal(getattr(state.latest, name), getattr(expected, name))
        shrunk = mask_box(small) - torch.tensor([0, 0, 1, 1])
        other = Template.from_frame(IMAGE, shrunk, small, size=8)
        differ += not torch.equal(other.image, expected.image)
    assert differ > 10


def test_a_box_of_the_reported_frame():
    policy, state = PeriodicTemplateUpdate(interval=1, size=8), memory()
    assert policy.step(state, IMAGE, 0.9, BOX * 3, out_size_hw=(60, 90))
    expected = Template.from_frame(IMAGE, BOX, size=8)
    assert torch.equal(state.latest.image, expected.image)


@pytest.mark.parametrize('shape', [(20, 30), (50, 70)])
def test_a_thin_mask_gives_no_template_whatever_the_size(shape):
    """The published crop has no area then and fails; the target keeps what it had."""
    policy, state = ConfidentTemplateUpdate(size=8), memory()
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[3:9, 5] = True
    assert not policy.step(state, IMAGE, 0.9, mask=mask, out_size_hw=shape)
    box, _ = policy.target(None, mask)
    assert torch.equal(box, mask_box(mask) - torch.tensor([0, 0, 1, 1]))


def test_a_mask_of_another_size_is_refused():
    policy = ConfidentTemplateUpdate(size=8)
    with pytest.raises(ValueError, match='this very frame'):
        policy.step(memory(), IMAGE, 0.9, mask=target_mask()[:10])


def test_memory_holds_two_templates_after_500_frames():
    policy, state = ConfidentTemplateUpdate(size=8), memory()
    for _ in range(500):
        policy.step(state, IMAGE, 0.9, mask=target_mask())
    assert len(state.templates) == 2
    assert state.frame == 500
