"""Checkpoint files: whole, safe, and matched key by key."""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from uninext.checkpoint.load import (
    find_loadable,
    from_plain,
    load_checkpoint_file,
    load_state,
    local_checkpoint,
    refusing_pickled_code,
    state_dict_of,
    to_plain,
)
from uninext.utils.files import FileError


class RunsCode:
    """Writes a file when it is unpickled: what a hostile checkpoint does."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_address_is_fetched_once(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    source = tmp_path / 'net.pth'
    torch.save({'a': torch.ones(1)}, source)
    address = source.as_uri()
    assert load_checkpoint_file(address)['a'] == 1
    source.unlink()
    assert load_checkpoint_file(address)['a'] == 1
    with pytest.raises(FileError, match='could not be fetched'):
        load_checkpoint_file((tmp_path / 'absent.pth').as_uri())


def test_processes_of_a_machine_fetch_once(tmp_path, monkeypatch):
    """At the same time: whoever comes later waits for the file."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    fetched = []

    def download(address, target, **_) -> None:
        fetched.append(address)
        time.sleep(0.1)
        torch.save({}, target)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(local_checkpoint, ['https://x/w.pth'] * 4))
    assert set(paths) == {tmp_path / 'checkpoints/w.pth'}
    assert fetched == ['https://x/w.pth']


@pytest.mark.parametrize('local_rank', ['0', '1'])
def test_every_process_is_told_what_cannot_be_fetched(
    tmp_path, monkeypatch, local_rank
):
    """None waits at a barrier for one that failed: nothing is asked of others."""

    def refuse(*args, **kwargs) -> None:
        raise AssertionError('it waits for other processes')

    def fail(*args, **kwargs) -> None:
        raise OSError('no network')

    monkeypatch.setenv('LOCAL_RANK', local_rank)
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    monkeypatch.setattr(torch.distributed, 'get_rank', lambda *_: int(local_rank))
    for collective in ('barrier', 'all_gather_object', 'broadcast_object_list'):
        monkeypatch.setattr(torch.distributed, collective, refuse)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(FileError, match='could not be fetched .no network'):
        local_checkpoint('https://x/w.pth')


def test_state_dict_of():
    weights = {'a': torch.ones(1)}
    assert state_dict_of({'state_dict': weights, 'meta': {}}) == weights
    assert state_dict_of(weights) == weights
    with pytest.raises(FileError, match='nothing'):
        state_dict_of({})
    with pytest.raises(FileError, match=r"\['meta'\]"):
        state_dict_of({'meta': 3})
    with pytest.raises(FileError, match='official_to_uninext'):
        state_dict_of({'model': weights, 'iteration': 3})


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
    assert report.misshapen == ['0.weight']
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


def test_plain_values_survive(tmp_path):
    logs = {'loss': HistoryBuffer([1.0, 2.0], [1, 3]), 'n': np.float64(2), 't': (1, 2)}
    plain = to_plain({**logs, 'c': Counter([5, 5])})
    torch.save(plain, tmp_path / 'x.pth')
    loaded = from_plain(torch.load(tmp_path / 'x.pth', weights_only=True))
    assert loaded['loss'].mean() == logs['loss'].mean()
    assert loaded['n'] == 2
    assert loaded['t'] == (1, 2)
    assert loaded['c'].total() == 2
    assert type(loaded['n']) is float


def test_refusing_pickled_code_of_others(tmp_path, monkeypatch):
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', raising=False)
    torch.save(RunsCode(tmp_path / 'trace'), tmp_path / 'x.pth')
    with refusing_pickled_code(), pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'x.pth', weights_only=False)
    assert not (tmp_path / 'trace').exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ
