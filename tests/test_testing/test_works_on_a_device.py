"""The network, its losses and sessions on the pretend device."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

from helpers.session_checks import through_a_file
from helpers.work_of_a_device import (
    TRACKERS,
    WORKS,
    Found,
    Work,
    ask,
    made_frames,
    small_model,
)
from uninext.testing.pretend_device import DEVICE, PretendDevice


@pytest.fixture(params=WORKS, ids=lambda name: name)
def work(request) -> Work:
    return WORKS[request.param]


def test_nothing_mixes_and_results_are_those_of_the_cpu(work):
    with warnings.catch_warnings(), PretendDevice():
        warnings.simplefilter('ignore')
        expected = list(work(torch.device('cpu')))
        found = [on_the_host(step) for step in work(DEVICE)]
    assert any(step for step in expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_same(ours[name], theirs[name], name)


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


def on_the_host(step: Found) -> Found:
    for name, value in step.items():
        assert value.device == DEVICE or name.startswith('update'), name
    return {name: value.cpu() for name, value in step.items()}


def assert_same(ours: Tensor, theirs: Tensor, name: str) -> None:
    if ours.is_floating_point():
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3, msg=name)
    elif name == 'masks':
        assert ours.shape == theirs.shape
        assert (ours != theirs).sum() <= 0.01 * ours.numel()
    else:
        assert torch.equal(ours, theirs), name
