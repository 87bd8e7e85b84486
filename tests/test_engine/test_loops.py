"""A run that was killed and resumed equals one that was not."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from mmengine.hooks import Hook
from mmengine.runner import loops
from torch.utils.data import DataLoader

from helpers.engine_toy import ToyBatchSampler
from uninext.engine.loops import explained


class Killed(Exception):
    """Stands for SIGKILL."""


class Recorder(Hook):
    """Notes every loss by iteration; dies at ``die_at``."""

    def __init__(self, die_at: int = -1) -> None:
        self.losses: dict[int, float] = {}
        self.die_at = die_at

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses[runner.iter] = float(outputs['loss'])
        if runner.iter == self.die_at:
            raise Killed


def losses_of(runner, die_at=-1):
    recorder = Recorder(die_at)
    runner.register_hook(recorder)
    try:
        runner.train()
    except Killed:
        assert die_at >= 0
    return recorder.losses


@pytest.mark.parametrize('can_skip', [True, False])
def test_resumed_run_equals_uninterrupted(make_runner, tmp_path, monkeypatch, can_skip):
    """Without ``skip``, mmengine asks for the batches again and throws them away."""
    if not can_skip:
        monkeypatch.delattr(ToyBatchSampler, 'skip')
    whole = losses_of(make_runner(work_dir=str(tmp_path / 'whole')))
    assert sorted(whole) == list(range(20))
    assert len(set(whole.values())) == 20
    first = losses_of(make_runner(), die_at=13)
    runner = make_runner(resume='auto')
    second = losses_of(runner)
    assert sorted(second) == list(range(10, 20))
    assert {**first, **second} == whole
    # 10 batches of 2 were read after resuming, none to get there.
    assert len(runner.train_dataloader.dataset.read) == 20


@pytest.mark.slow
def test_resumed_around_the_end_of_an_epoch(make_runner, tmp_path, monkeypatch):
    """Four batches are one. Each loss is that of its samples; so is their order.

    Runs go on from checkpoints of one that was not killed: what a kill leaves is above.
    """
    waits = []  # at each end mmengine waits for two seconds
    monkeypatch.setattr(loops, 'time', SimpleNamespace(sleep=waits.append))
    options = {
        'train_dataloader.batch_sampler': None,
        'train_dataloader.batch_size': 16,
        'train_dataloader.sampler.shuffle': True,
        'train_cfg.max_iters': 7,
    }
    every = {
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.checkpoint.max_keep_ckpts': -1,
    }
    whole = losses_of(make_runner(**options, **every))
    assert len(set(whole.values())) == 7
    for start, num_workers in (3, 0), (4, 2), (5, 0):
        here = dict(options, work_dir=str(tmp_path / str(start)), resume=True)
        here['load_from'] = str(tmp_path / f'iter_{start}.pth')
        here['train_dataloader.num_workers'] = num_workers
        rest = losses_of(make_runner(**here))
        assert rest == {n: loss for n, loss in whole.items() if n >= start}
    assert waits == [2] * 4  # each run has come there


def test_a_clock_that_jumps(make_runner, tmp_path, monkeypatch):
    """Back by a year while a run trains, and before it is resumed."""
    whole = losses_of(make_runner(work_dir=str(tmp_path / 'whole')))
    now, calls = time.time, []

    def jumping():
        calls.append(None)
        return now() - (365 * 86400 if len(calls) > 50 else 0)

    monkeypatch.setattr(time, 'time', jumping)
    first = losses_of(make_runner(), die_at=13)
    assert len(calls) > 50
    second = losses_of(make_runner(resume='auto'))
    assert sorted(second) == list(range(10, 20))
    assert {**first, **second} == whole


def test_the_loader_is_started_once(make_runner, monkeypatch, tmp_path):
    whole = losses_of(make_runner(work_dir=str(tmp_path / 'whole')))
    starts = []
    start = DataLoader.__iter__
    monkeypatch.setattr(
        DataLoader, '__iter__', lambda self: starts.append(self) or start(self)
    )
    runner = make_runner()
    runner.prepare_training()
    assert starts == []
    assert losses_of(runner) == whole
    assert starts == [runner.train_dataloader]


class EagerIterator:
    """What upstream's mmengine makes when the loop is built."""

    def __init__(self, dataloader) -> None:
        self._iterator = iter(dataloader)

    def __next__(self):
        return next(self._iterator)


def test_a_loader_that_cannot_skip_any_more_is_an_error(make_runner, monkeypatch):
    """Silently, batches that were prefetched would be lost."""
    losses_of(make_runner(), die_at=12)
    monkeypatch.setattr(loops, '_InfiniteDataloaderIterator', EagerIterator)
    with pytest.raises(RuntimeError, match=r'onedl-mmengine >= 0\.10\.12'):
        losses_of(make_runner(resume='auto'))


def test_no_worker_beside_options_of_workers(make_runner):
    """As ``--cfg-options train_dataloader.num_workers=0`` leaves it."""
    options = dict(persistent_workers=True, prefetch_factor=4)
    runner = make_runner(train_dataloader=options, train_cfg=dict(max_iters=1))
    assert len(losses_of(runner)) == 1
    assert not runner.train_dataloader.persistent_workers
    kept = make_runner(train_dataloader=dict(options, num_workers=1))
    kept.prepare_training()
    assert kept.train_dataloader.persistent_workers
    assert kept.train_dataloader.prefetch_factor == 4


class Validations(Hook):
    """Notes the iterations after which a validation begins."""

    def before_val(self, runner):
        self.at.append(runner.iter)

    def __init__(self) -> None:
        self.at = []


@pytest.mark.parametrize(
    ('val_begin', 'expected'), [(1, [3, 6, 8]), (6, [6, 8]), (7, [8])]
)
def test_validations_are_at_the_interval_and_at_the_end(
    make_runner, val_begin, expected
):
    data = dict(num_workers=0, batch_size=32, dataset=dict(type='ToyDataset'))
    data['sampler'] = dict(type='mmengine.DefaultSampler', shuffle=False)
    runner = make_runner(
        train_cfg=dict(max_iters=8, val_interval=3, val_begin=val_begin),
        val_cfg=dict(),
        val_dataloader=data,
        val_evaluator=dict(type='ToyMetric'),
    )
    validations = Validations()
    runner.register_hook(validations)
    runner.train()
    assert validations.at == expected


def test_resume_at_end_trains_nothing(make_runner):
    losses_of(make_runner())
    assert losses_of(make_runner(resume='auto')) == {}


@pytest.mark.parametrize(
    ('error', 'size', 'told'),
    [
        (ConnectionResetError(104, 'Connection reset by peer'), 2, 'A process that'),
        (EOFError(), 1, 'A process that'),
        (RuntimeError('Connection closed by peer [127.0.0.1]:3'), 2, 'Another process'),
        (
            RuntimeError('Connection closed by peer [127.0.0.1]:3'),
            1,
            'Connection closed',
        ),
        (
            'DataLoader worker (pid 3) is killed by signal: Killed. ',
            1,
            'A process that',
        ),
        (
            RuntimeError('DataLoader worker (pid(s) 3) exited unexpectedly'),
            2,
            'A process that',
        ),
        (RuntimeError('some other'), 2, 'some other'),
    ],
)
def test_what_torch_says_of_processes_is_explained(monkeypatch, error, size, told):
    monkeypatch.setattr('uninext.engine.loops.get_world_size', lambda: size)
    assert str(explained(error, has_workers=True)).startswith(told)


@pytest.mark.parametrize(
    ('error', 'has_workers'),
    [
        (ConnectionError('the images cannot be reached'), False),
        (
            ConnectionError('Caught ConnectionError in DataLoader worker process 0'),
            True,
        ),
    ],
)
def test_a_connection_that_reading_lost_is_no_killed_worker(error, has_workers):
    assert explained(error, has_workers) is error
