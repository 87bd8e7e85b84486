"""Checkpoint files: whole, safe, and matched key by key."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from uninext.checkpoint import find_loadable, load_state
from uninext.utils.files import FileError


def test_every_key_must_fit():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = {k: torch.full_like(v, 7) for k, v in model.state_dict().items()}
    del state['1.num_batches_tracked']  # no inference reads it
    assert not load_state(model, state)
    assert (model[0].weight == 7).all()
    state['0.weight'] = torch.zeros(3, 5)
    state['2.extra'] = state.pop('1.bias')
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(FileError) as error:
        load_state(model, state, allow=['^2'], source='net.pth')
    assert 'missing (1): 1.bias' in str(error.value)
    assert 'misshapen (1): 0.weight 3x5 in place of 3x2' in str(error.value)
    assert 'unexpected' not in str(error.value)
    assert all((before[k] == v).all() for k, v in model.state_dict().items())
    state['0.bias'] = torch.full((3,), 5.0)
    report = load_state(model, state, allow=[r'\.extra$', '^1', '^0.weight'])
    assert report.missing == ['1.bias']
    assert report.unexpected == ['2.extra']
    assert list(report.misshapen) == ['0.weight']
    assert (model[0].weight == 7).all()
    assert (model[0].bias == 5).all()


class Later(nn.Linear):
    """A network that can start from one without a bias."""

    def adapt_state_dict(self, state):
        return {'weight': state['old']}, ['weight is old'], ['^bias$']


def test_model_may_derive_its_start():
    model = Later(2, 2)
    state = {'old': torch.full((2, 2), 7.0)}
    with pytest.raises(FileError, match='unexpected.*old'):
        load_state(model, state)
    report = load_state(model, state, adapt=True)
    assert report.missing == ['bias']
    assert report.notes == ['weight is old']
    assert (model.weight == 7).all()
    with pytest.raises(FileError, match='misshapen'):
        load_state(model, {'old': torch.ones(3, 3)}, adapt=True)
    assert not load_state(nn.Linear(2, 2), model.state_dict(), adapt=True)


def test_long_lists_are_shortened():
    with pytest.raises(FileError, match=r'unexpected \(30\).*and 22 more'):
        load_state(nn.Identity(), {str(i): torch.zeros(1) for i in range(30)})


def test_find_loadable_passes_over_what_is_broken(tmp_path):
    assert find_loadable(tmp_path) == (None, [])
    for number in (9, 10, 100):
        torch.save({'a': torch.zeros(1000)}, tmp_path / f'iter_{number}.pth')
    (tmp_path / 'iter_x.pth').touch()
    assert find_loadable(tmp_path) == (tmp_path / 'iter_100.pth', [])
    whole = (tmp_path / 'iter_100.pth').read_bytes()
    (tmp_path / 'iter_100.pth').write_bytes(whole[: len(whole) // 2])
    path, passed_over = find_loadable(tmp_path)
    assert path == tmp_path / 'iter_10.pth'
    assert len(passed_over) == 1
    assert 'iter_100.pth' in passed_over[0]
    content = bytearray(path.read_bytes())
    content[content.index(bytes(1000))] = 1
    path.write_bytes(content)
    path, passed_over = find_loadable(tmp_path)
    assert path == tmp_path / 'iter_9.pth'
    assert 'iter_10.pth' in passed_over[1] and 'checksum' in passed_over[1]
