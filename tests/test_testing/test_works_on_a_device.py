"""The network, its losses and sessions on the pretend device."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import Tensor

from helpers.session_checks import through_a_file
from helpers.small_uninext import SIDE, predict, sample
from helpers.work_of_a_device import (
    NUM_STEPS,
    PAGE,
    TRACKERS,
    WAITS,
    WORKS,
    Found,
    ask,
    made_frames,
    small_model,
)
from uninext.registry import MODELS
from uninext.structures import Prompt
from uninext.testing.device_waits import waits_by_room, waits_table
from uninext.testing.pretend_device import DEVICE, PretendDevice, Wait


@dataclass
class Done:
    """A work, done on the CPU and on the device.

    Attributes:
        name: Of the work.
        expected, found: Of each step, in main memory.
        waits: For the device, of each step.
    """

    name: str
    expected: list[Found]
    found: list[Found] = field(default_factory=list)
    waits: list[list[Wait]] = field(default_factory=list)


@pytest.fixture(scope='module', params=WORKS)
def done(request) -> Done:
    init_default_scope('uninext')
    work = WORKS[request.param]
    with warnings.catch_warnings(), PretendDevice() as device:
        warnings.simplefilter('ignore')
        both = Done(request.param, list(work(torch.device('cpu'))))
        for step in work(DEVICE):
            both.waits.append(list(device.waits))
            both.found.append(on_the_host(step))
            device.waits.clear()
    return both


@pytest.fixture(scope='module')
def allowed() -> dict[str, dict[str, int]]:
    return json.loads(WAITS.read_text())


@pytest.mark.slow
def test_nothing_mixes_and_results_are_those_of_the_cpu(done):
    assert len(done.expected) > NUM_STEPS
    if 'frame' in done.name:
        assert_that_tracks_go_on(done.expected[1 : NUM_STEPS + 1])
    for ours, theirs in zip(done.found, done.expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_same(ours[name], theirs[name], name)


@pytest.mark.slow
def test_no_more_waits_than_named(done, allowed):
    """Of the last step: the first ones encode prompts, and fold and compare."""
    waits = done.waits[NUM_STEPS]
    found, named = waits_by_room(waits), allowed[done.name]
    more = {room for room in found if found[room] > named.get(room, 0)}
    where = [w for w in waits if waits_by_room([w]).keys() & more]
    assert not more, (
        f'{done.name}: {json.dumps(found)} waits, allowed are {json.dumps(named)} '
        f'({WAITS.name}). These are in rooms that wait more often: {where}'
    )


def test_the_page_names_what_is_allowed(allowed):
    assert allowed.keys() == WORKS.keys()
    assert waits_table(allowed) in PAGE.read_text(), (
        f'{PAGE.name} differs from {WAITS.name}. Its section "Waits for the '
        f'device" should have this table:\n{waits_table(allowed)}'
    )


def test_a_session_goes_on_where_one_of_the_cpu_stopped():
    models = [small_model() for _ in range(2)]
    sessions = [model.open(None, trackers=TRACKERS['all']) for model in models]
    ask(sessions[0], 'all')
    for frame in made_frames(2):
        sessions[0].step(frame)
    with PretendDevice():
        models[1].to(DEVICE)
        sessions[1].load_state_dict(through_a_file(sessions[0].state_dict()))
        for frame in made_frames(3):
            expected, found = (s.step(frame).pred_instances for s in sessions)
            for name, value in on_the_host(dict(found.items())).items():
                assert_same(value, expected[name], name)


@pytest.mark.parametrize(
    'backbone',
    [
        dict(
            type='ResNet', depth=18, base_channels=4, stem_channels=4, num_stages=3,
            strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(0, 1, 2),
        ),
        dict(
            type='UninextViT', embed_dims=16, num_layers=3, num_heads=2,
            window_size=3, window_blocks=(0, 1),
        ),
        dict(
            type='mmpretrain.ConvNeXt', out_indices=(1, 2, 3),
            arch=dict(depths=[1] * 4, channels=[4] * 4), gap_before_final_norm=False,
        ),
    ],
    ids=lambda backbone: backbone['type'],
)  # fmt: skip
def test_backbones(backbone):
    built, image = MODELS.build(backbone), torch.randn(1, 3, 64, 96)
    built.eval()
    expected = built(image)
    with PretendDevice() as device:
        built.to(DEVICE)
        image = image.to(DEVICE)
        device.waits.clear()
        found = built(image)
        assert device.waits == []
        for ours, theirs in zip(found, expected, strict=True):
            assert_same(ours.cpu(), theirs, 'level')


def test_a_list_of_categories_in_parts():
    many = Prompt.from_categories([f'thing number {i}' for i in range(120)])
    model, inputs = small_model(), torch.randn(1, 3, SIDE, SIDE)
    assert len(model.split_prompt(many)) > 1
    (expected,) = predict(model, inputs, [sample(many)])
    with PretendDevice():
        (found,) = predict(model.to(DEVICE), inputs.to(DEVICE), [sample(many)])
        for name, value in on_the_host(dict(found.items())).items():
            assert_same(value, expected[name], name)


def on_the_host(step: Found) -> Found:
    for name, value in step.items():
        assert value.device == DEVICE or name.startswith('update'), name
    return {name: value.cpu() for name, value in step.items()}


def assert_that_tracks_go_on(frames: list[Found]) -> None:
    """A work without them would show little."""
    ids = [set(frame['instances_ids'].tolist()) for frame in frames]
    assert all(ids)
    assert ids[-1] & set.union(*ids[:-1])


def assert_same(ours: Tensor, theirs: Tensor, name: str) -> None:
    if ours.is_floating_point():
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3, msg=name)
    elif name == 'masks':
        assert ours.shape == theirs.shape
        assert (ours != theirs).sum() <= 0.01 * ours.numel()
    else:
        assert torch.equal(ours, theirs), name
