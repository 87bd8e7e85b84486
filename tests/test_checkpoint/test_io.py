from __future__ import annotations

import os
import pickle
import resource
import signal

import pytest
import torch
from mmengine.logging import HistoryBuffer

from uninext.checkpoint.io import load_safely, save_safely
from uninext.utils.files import FileError


class RunsCode:
    """Writes a file when it is unpickled: what a hostile checkpoint does."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


class ReachesForGlobals:
    """Asks for an attribute that is no statistic of a log."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


def test_absent_file(tmp_path):
    with pytest.raises(FileError, match='no checkpoint.*none.pth'):
        load_safely(tmp_path / 'none.pth')


def test_pickled_code_is_not_run(tmp_path):
    path, trace = tmp_path / 'evil.pth', tmp_path / 'trace'
    torch.save({'state_dict': {}, 'x': RunsCode(trace)}, path)
    with pytest.raises(FileError, match='could run code.*open'):
        load_safely(path)
    assert not trace.exists()


def test_nobody_is_told_to_run_it_after_all(tmp_path):
    class CallsTheShell:
        def __reduce__(self):
            return os.system, ('true',)

    path = tmp_path / 'evil.pth'
    torch.save({'x': CallsTheShell()}, path)
    with pytest.raises(FileError, match='system') as error:
        load_safely(path)
    assert 'weights_only' not in str(error.value)


def test_getattr_in_logs_reaches_only_statistics(tmp_path):
    good, bad = tmp_path / 'good.pth', tmp_path / 'bad.pth'
    torch.save({'log': HistoryBuffer([1.0, 3.0], [1, 1])}, good)
    assert load_safely(good)['log'].mean() == 2
    torch.save({'x': ReachesForGlobals()}, bad)
    with pytest.raises(FileError, match='__init__.*not allowed'):
        load_safely(bad)


@pytest.mark.parametrize('content', [b'', b'no checkpoint', b'PK\x03\x04cut'])
def test_what_is_no_checkpoint(tmp_path, content):
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    with pytest.raises(FileError, match='x.pth'):
        load_safely(path)


def test_a_tensor_alone_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(1), tmp_path / 'x.pth')
    with pytest.raises(FileError, match='holds a Tensor'):
        load_safely(tmp_path / 'x.pth')


def test_empty_content(tmp_path):
    save_safely({}, tmp_path / 'x.pth')
    assert load_safely(tmp_path / 'x.pth') == {}
    with pytest.raises(FileError, match=r'weights and metadata.*got \[\]'):
        save_safely({}, tmp_path / 'x.safetensors')


@pytest.mark.parametrize('name', ['deep/x.pth', 'deep/x.safetensors'])
def test_what_is_saved_is_loaded(tmp_path, name):
    first = torch.randn(2, 3)
    state = {'a': first, 'same': first, 'view': first.T, 'n': torch.tensor(3)}
    content = {'state_dict': state, 'meta': {'stage': 'video'}}
    save_safely(content, tmp_path / name)
    loaded = load_safely(tmp_path / name)
    assert loaded['meta']['stage'] == 'video'
    assert loaded['state_dict'].keys() == state.keys()
    assert all(torch.equal(loaded['state_dict'][k], v) for k, v in state.items())
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == [name[5:]]
    (tmp_path / 'any').touch()
    assert (tmp_path / name).stat().st_mode == (tmp_path / 'any').stat().st_mode


def test_safetensors_hold_no_training_state(tmp_path):
    content = {'model': {'a': torch.ones(1)}, 'optimizer': {}}
    with pytest.raises(FileError, match="got.*'optimizer'"):
        save_safely(content, tmp_path / 'x.safetensors')


def test_damaged_safetensors(tmp_path):
    path = tmp_path / 'x.safetensors'
    save_safely({'state_dict': {'a': torch.ones(100)}}, path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(FileError, match='safetensors says'):
        load_safely(path)


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
def test_full_disk(tmp_path, name):
    """A limit on the size of files stands for the disk."""
    path = tmp_path / name
    path.write_text('precious')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(FileError, match=f'{name} could not be written'):
            save_safely({'state_dict': {'a': torch.ones(10**6)}}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == 'precious'
    assert list(tmp_path.iterdir()) == [path]


def test_error_of_torch_is_not_hidden(tmp_path):
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        save_safely({'f': lambda: 0}, tmp_path / 'x.pth')
    assert list(tmp_path.iterdir()) == []
