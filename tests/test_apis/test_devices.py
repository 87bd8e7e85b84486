"""Devices that are here, and what is said of others."""

from __future__ import annotations

import pytest
import torch

from uninext.apis import UninextInferencer
from uninext.apis.devices import devices_here, usable_device
from uninext.apis.video import open_session


def test_the_cpu_is_always_here():
    assert usable_device('cpu') == 'cpu'
    assert usable_device(torch.device('cpu')) == 'cpu'
    assert devices_here()[0] == 'cpu'


def test_auto_is_the_accelerator_if_there_is_one(monkeypatch):
    for prediction, name in ((True, 'cuda'), (False, 'cpu')):
        monkeypatch.setattr(
            'uninext.apis.devices.has_accelerator', lambda a=prediction: a
        )
        assert usable_device('auto') == name


@pytest.mark.parametrize('name', ['foo', 'gpu', 'cuda:99', 'meta', '', None, 'cpu:x'])
def test_others_are_named_with_those_that_are_here(name):
    with pytest.raises(ValueError, match=r'cannot be used: there are cpu.* or auto'):
        usable_device(name)


def test_graphics_cards_are_listed(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda i: f'card {i}')
    assert devices_here()[:3] == ['cpu', 'cuda:0 (card 0)', 'cuda:1 (card 1)']


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
@pytest.mark.parametrize('opens', [UninextInferencer, open_session])
def test_a_gpu_that_is_not_here_is_refused_before_the_model_is_built(opens):
    with pytest.raises(ValueError, match=r"'cuda' cannot be used: there are cpu here"):
        opens('no model', device='cuda')
