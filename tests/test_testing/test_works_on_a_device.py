"""The network, its losses and sessions on the pretend device."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

from helpers.work_of_a_device import WORKS, Found, Work
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


def on_the_host(step: Found) -> Found:
    assert all(value.device == DEVICE for value in step.values())
    return {name: value.cpu() for name, value in step.items()}


def assert_same(ours: Tensor, theirs: Tensor, name: str) -> None:
    if ours.is_floating_point():
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3, msg=name)
    else:
        assert (ours != theirs).float().mean() < 0.01, name
