from __future__ import annotations

import os
import pickle
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import safetensors.torch
import torch

from uninext.checkpoint import (
    fingerprint,
    load_file,
    local_file,
    read_meta,
    refusing_pickled_code,
    save_file,
    state_dict_of,
)
from uninext.utils.files import FileError


class RunsCode:
    """Writes a file when it is unpickled: what a hostile checkpoint does."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_absent_file(tmp_path):
    with pytest.raises(FileError, match='no checkpoint.*none.pth'):
        load_file(tmp_path / 'none.pth')


def test_pickled_code_is_not_run(tmp_path):
    path, trace = tmp_path / 'evil.pth', tmp_path / 'trace'
    torch.save({'state_dict': {}, 'x': RunsCode(trace)}, path)
    with pytest.raises(FileError, match='could run code.*open'):
        load_file(path)
    assert not trace.exists()


@pytest.mark.parametrize('content', [b'', b'no checkpoint', b'PK\x03\x04cut'])
def test_what_is_no_checkpoint(tmp_path, content):
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    with pytest.raises(FileError, match='x.pth'):
        load_file(path)


def test_a_tensor_alone_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(1), tmp_path / 'x.pth')
    with pytest.raises(FileError, match='holds a Tensor'):
        load_file(tmp_path / 'x.pth')


def test_empty_content(tmp_path):
    save_file({}, tmp_path / 'x.pth')
    assert load_file(tmp_path / 'x.pth') == {}
    with pytest.raises(FileError, match=r'weights and metadata.*got \[\]'):
        save_file({}, tmp_path / 'x.safetensors')


@pytest.mark.parametrize('name', ['deep/x.pth', 'deep/x.safetensors'])
def test_what_is_saved_is_loaded(tmp_path, name):
    first = torch.randn(2, 3)
    state = {'a': first, 'same': first, 'view': first.T, 'n': torch.tensor(3)}
    content = {'state_dict': state, 'meta': {'stage': 'video'}}
    save_file(content, tmp_path / name)
    loaded = load_file(tmp_path / name)
    assert loaded['meta']['stage'] == 'video'
    assert loaded['state_dict'].keys() == state.keys()
    assert all(torch.equal(loaded['state_dict'][k], v) for k, v in state.items())
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == [name[5:]]
    (tmp_path / 'any').touch()
    assert (tmp_path / name).stat().st_mode == (tmp_path / 'any').stat().st_mode


def test_safetensors_hold_no_training_state(tmp_path):
    content = {'model': {'a': torch.ones(1)}, 'optimizer': {}}
    with pytest.raises(FileError, match="got.*'optimizer'"):
        save_file(content, tmp_path / 'x.safetensors')


def test_damaged_safetensors(tmp_path):
    path = tmp_path / 'x.safetensors'
    save_file({'state_dict': {'a': torch.ones(100)}}, path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(FileError, match='safetensors says'):
        load_file(path)


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
def test_a_flipped_bit_is_never_a_wrong_weight(tmp_path, name):
    """Wherever it is: the file is refused, or gives what was saved."""
    path, state = tmp_path / name, {'a': torch.rand(40, 3), 'b': torch.arange(5)}
    save_file({'state_dict': state}, path)
    whole, refused = path.read_bytes(), 0
    for bit in range(0, 8 * len(whole), 29):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            loaded = load_file(path)['state_dict']
        except FileError:
            refused += 1
            continue
        assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert refused > 8 * 500 // 29  # all 500 bytes of tensors at the least
    path.write_bytes(whole)
    assert torch.equal(load_file(path)['state_dict']['a'], state['a'])


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
def test_meta_does_not_read_weights(tmp_path, name):
    path = tmp_path / name
    save_file({'state_dict': {'a': torch.ones(1000)}, 'meta': {'x': '1'}}, path)
    content = bytearray(path.read_bytes())
    place = bytes(content).index(torch.ones(9).numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    meta = dict(read_meta(path))
    assert meta.pop('format', 'pt') == 'pt'
    assert meta == {'x': '1'}
    with pytest.raises(FileError, match=rf'{name} .*checksum|{name} .*sha256'):
        load_file(path)


def test_a_file_without_checksums_is_read(tmp_path):
    """As torch and safetensors write it when told so, or know none."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({'a': torch.ones(100)}, tmp_path / 'x.pth')
    finally:
        torch.serialization.set_crc32_options(before)
    safetensors.torch.save_file({'a': torch.ones(100)}, tmp_path / 'x.safetensors')
    assert load_file(tmp_path / 'x.pth')['a'].sum() == 100
    assert load_file(tmp_path / 'x.safetensors')['state_dict']['a'].sum() == 100


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
@pytest.mark.parametrize('with_checksums', [True, False])
def test_fingerprint(tmp_path, name, with_checksums):
    """Of the content: a copy has the same, the least change another."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(with_checksums)
    prints = []
    try:
        for number, value in enumerate((1.0, 1.0, 1.0 + 1e-6)):
            path = tmp_path / str(number) / name
            save_file({'state_dict': {'a': torch.tensor([value, 2.0])}}, path)
            prints.append(fingerprint(path))
    finally:
        torch.serialization.set_crc32_options(before)
    assert prints[0] == prints[1] != prints[2]


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
            save_file({'state_dict': {'a': torch.ones(10**6)}}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == 'precious'
    assert list(tmp_path.iterdir()) == [path]


def test_error_of_torch_is_not_hidden(tmp_path):
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        save_file({'f': lambda: 0}, tmp_path / 'x.pth')
    assert list(tmp_path.iterdir()) == []


def test_address_is_fetched_once(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    source = tmp_path / 'net.pth'
    torch.save({'a': torch.ones(1)}, source)
    address = source.as_uri()
    assert load_file(address)['a'] == 1
    source.unlink()
    assert load_file(address)['a'] == 1
    with pytest.raises(FileError, match='could not be fetched'):
        load_file((tmp_path / 'absent.pth').as_uri())


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
        paths = list(pool.map(local_file, ['https://x/w.pth'] * 4))
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
        local_file('https://x/w.pth')


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
    for name in ('model', 'state_dict'):
        assert state_dict_of({name: weights, 'n': 3}, published=True) == weights
    with pytest.raises(FileError, match=r"no tensors: \['a'\]"):
        state_dict_of({'model': {'a': 1}}, published=True)


def test_refusing_pickled_code_of_others(tmp_path, monkeypatch):
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', raising=False)
    torch.save(RunsCode(tmp_path / 'trace'), tmp_path / 'x.pth')
    with refusing_pickled_code(), pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'x.pth', weights_only=False)
    assert not (tmp_path / 'trace').exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ
