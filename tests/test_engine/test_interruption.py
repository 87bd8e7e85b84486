"""Signals in a training: nothing is lost, nothing is half done."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time

import pytest
import torch
from mmengine.hooks import Hook

from helpers.engine_toy import ToyDataset
from uninext.checkpoint import load_file
from uninext.engine.interruption import (
    EXIT_REQUEUE,
    AgreedStop,
    PatientInterrupt,
    TrainingStopped,
    start_worker,
)
from uninext.utils.files import FileError

POINTS = ('before_train_iter', 'after_train_iter', 'before_save_checkpoint')


@pytest.fixture(autouse=True)
def _python_handles_ctrl_c():
    """Whatever pytest was started by, e.g. in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


class PressCtrlC(Hook):
    """Notes losses; presses Ctrl-C at a point of an iteration."""

    priority = 'LOWEST'

    def __init__(
        self, point: str = '', iteration: int = -1, number: int = signal.SIGINT
    ) -> None:
        self.losses: dict[int, float] = {}
        self.point, self.iteration, self.number = point, iteration, number

    def press(self, runner, point: str) -> None:
        if point == self.point and runner.iter == self.iteration:
            self.point = ''
            signal.raise_signal(self.number)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.press(runner, 'before_train_iter')

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses[runner.iter] = float(outputs['loss'])
        self.press(runner, 'after_train_iter')

    def before_save_checkpoint(self, runner, checkpoint):
        self.press(runner, 'before_save_checkpoint')


def losses_of(runner, *args) -> dict[int, float]:
    hook = PressCtrlC(*args)
    runner.register_hook(hook)
    if args:
        with pytest.raises(TrainingStopped) as stopped:
            runner.train()
        assert stopped.value.number == hook.number
    else:
        runner.train()
    return hook.losses


def checkpoints(folder) -> list[str]:
    return sorted(path.name for path in folder.glob('*.pth*'))


@pytest.fixture
def whole(make_runner, tmp_path) -> dict[int, float]:
    return losses_of(make_runner(work_dir=str(tmp_path / 'whole')))


def assert_goes_on(make_runner, first, whole) -> None:
    """Every iteration once, with the losses of a run that was left alone."""
    second = losses_of(make_runner(resume='auto'))
    assert not set(first) & set(second)
    assert {**first, **second} == whole


@pytest.mark.parametrize('point', POINTS[:2])
@pytest.mark.parametrize('iteration', [0, 13])
def test_in_an_iteration(make_runner, tmp_path, whole, point, iteration, capfd):
    first = losses_of(make_runner(), point, iteration)
    assert sorted(first) == list(range(iteration + 1))
    assert checkpoints(tmp_path) == [f'iter_{iteration + 1}.pth']
    assert (tmp_path / 'last_checkpoint').read_text().endswith(checkpoints(tmp_path)[0])
    assert 'stops after this iteration' in capfd.readouterr().err
    assert_goes_on(make_runner, first, whole)


@pytest.mark.parametrize(
    ('number', 'status'), [(signal.SIGTERM, 0), (signal.SIGUSR1, EXIT_REQUEUE)]
)
def test_what_a_cluster_sends(make_runner, tmp_path, whole, number, status, capfd):
    before = signal.getsignal(number)
    first = losses_of(make_runner(), 'after_train_iter', 13, number)
    assert checkpoints(tmp_path) == ['iter_14.pth']
    assert f'{number.name}: stops after' in capfd.readouterr().err
    assert_goes_on(make_runner, first, whole)
    assert signal.getsignal(number) is before
    assert TrainingStopped(number).exit_status == status


@pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='no sigwaitinfo here')
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1], ids=str)
def test_what_is_sent_to_the_workers_too(make_runner, tmp_path, whole, number, capfd):
    """As ``timeout`` does, and clusters: they read on, and the training saves."""
    loader = dict(num_workers=2, persistent_workers=True)
    runner = make_runner(train_dataloader=loader)
    hook = PressCtrlC('after_train_iter', 13, number)
    press = hook.press

    def press_all(runner, point):
        if point == hook.point and runner.iter == hook.iteration:
            workers = [str(child.pid) for child in multiprocessing.active_children()]
            assert len(workers) >= 2
            subprocess.run(['kill', f'-{number.value}', *workers], check=True)
        press(runner, point)

    hook.press = press_all
    runner.register_hook(hook)
    with pytest.raises(TrainingStopped):
        runner.train()
    assert checkpoints(tmp_path) == ['iter_14.pth']
    assert_goes_on(make_runner, hook.losses, whole)


def test_a_worker_ends_by_the_process_that_started_it():
    worker = multiprocessing.get_context('fork').Process(target=wait_as_worker)
    worker.start()
    time.sleep(0.2)
    worker.terminate()
    worker.join(10)
    assert worker.exitcode == 0


def wait_as_worker():
    start_worker(0, init=lambda _: time.sleep(30))


def test_while_a_checkpoint_is_saved(make_runner, tmp_path, whole):
    """It is whole, and not saved twice."""
    first = losses_of(make_runner(), 'before_save_checkpoint', 9)
    assert sorted(first) == list(range(10))
    assert checkpoints(tmp_path) == ['iter_10.pth']
    assert_goes_on(make_runner, first, whole)


def test_while_data_are_read(make_runner, tmp_path, whole, monkeypatch):
    read = ToyDataset.__getitem__

    def interrupted(self, index):
        if len(self.read) == 30:
            signal.raise_signal(signal.SIGINT)
        return read(self, index)

    runner = make_runner()
    hook = PressCtrlC()
    runner.register_hook(hook)
    monkeypatch.setattr(ToyDataset, '__getitem__', interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    monkeypatch.undo()
    assert sorted(hook.losses) == list(range(15))
    assert checkpoints(tmp_path) == ['iter_15.pth']
    assert_goes_on(make_runner, hook.losses, whole)


def test_before_anything_was_trained(make_runner, tmp_path, monkeypatch):
    def interrupted(self, index):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ToyDataset, '__getitem__', interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_runner().train()
    assert checkpoints(tmp_path) == []


def press_twice(seconds: float) -> None:
    signal.raise_signal(signal.SIGINT)
    time.sleep(seconds)
    signal.raise_signal(signal.SIGINT)


def test_again_it_stops_at_once(make_runner, tmp_path, monkeypatch):
    """What was under way is not saved: an optimiser may be half-way."""
    runner = make_runner()
    step = runner.model.train_step

    def interrupted(*args, **kwargs):
        if runner.iter == 13:
            press_twice(1.1)
        return step(*args, **kwargs)

    monkeypatch.setattr(runner.model, 'train_step', interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert checkpoints(tmp_path) == ['iter_10.pth']


def test_again_while_saving_leaves_the_checkpoint_of_before(
    make_runner, tmp_path, monkeypatch
):
    save = torch.save

    def slow(content, file, *args, **kwargs):
        if content['meta']['iter'] == 20:
            press_twice(1.1)
        save(content, file, *args, **kwargs)

    monkeypatch.setattr(torch, 'save', slow)
    with pytest.raises(KeyboardInterrupt):
        make_runner().train()
    assert checkpoints(tmp_path) == ['iter_10.pth']
    assert load_file(tmp_path / 'iter_10.pth')['meta']['iter'] == 10


def test_nothing_is_formatted_on_the_way(make_runner, tmp_path, monkeypatch):
    """yapf takes seconds, and turns a Ctrl-C in it into a SyntaxError."""
    from yapf.yapflib import yapf_api

    def refuse(*args, **kwargs):
        raise AssertionError('the config was formatted')

    monkeypatch.setattr(yapf_api, 'FormatCode', refuse)
    runner = make_runner()
    runner.train()
    text = load_file(tmp_path / 'iter_20.pth')['meta']['cfg']
    values: dict = {}
    exec(text, values)
    assert values['train_cfg'] == runner.cfg.train_cfg
    assert values['default_hooks'] == runner.cfg.default_hooks


def test_two_signals_of_one_press_are_one():
    """A launcher sends its processes what the terminal sent them, too."""
    with PatientInterrupt() as ctrl_c:
        assert not ctrl_c.requested
        with ctrl_c.deferred():
            press_twice(0.0)
        assert ctrl_c.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_cluster_that_repeats_itself_breaks_nothing_off():
    with PatientInterrupt() as signals:
        with signals.deferred():
            signal.raise_signal(signal.SIGTERM)
            time.sleep(1.1)
            signal.raise_signal(signal.SIGTERM)
        assert signals.requested == signal.SIGTERM


def test_processes_beside_the_main_one_go_on(monkeypatch):
    monkeypatch.setattr('uninext.engine.interruption.is_main_process', lambda: False)
    with PatientInterrupt() as ctrl_c:
        press_twice(0.0)
        assert ctrl_c.requested == signal.SIGINT
        time.sleep(1.1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize('is_pressed', [True, False])
def test_a_process_whose_main_one_has_gone(make_runner, monkeypatch, is_pressed):
    """After Ctrl-C, the connection that breaks is no error to be told of."""
    monkeypatch.setattr('uninext.engine.interruption.is_main_process', lambda: False)
    runner = make_runner()

    def lose_connection(*args, **kwargs):
        if is_pressed:
            signal.raise_signal(signal.SIGINT)
        raise RuntimeError('Connection closed by peer')

    monkeypatch.setattr(runner.model, 'train_step', lose_connection)
    with pytest.raises(KeyboardInterrupt if is_pressed else RuntimeError):
        runner.train()


def test_workers_leave_it_to_their_process():
    with PatientInterrupt():
        child = os.fork()
        if not child:  # as workers of data loaders are made
            signal.raise_signal(signal.SIGINT)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_handler_of_others_stays():
    signals = []
    signal.signal(signal.SIGINT, lambda *_: signals.append(1))
    with PatientInterrupt() as ctrl_c, ctrl_c.deferred():
        signal.raise_signal(signal.SIGINT)
        assert not ctrl_c.requested
    assert signals == [1]
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize('async_save', [False, True])
def test_an_error_while_saving_is_told(make_runner, monkeypatch, async_save):
    """E.g. the disk is full."""

    def full(content, file):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(torch, 'save', full)
    runner = make_runner(**{'default_hooks.checkpoint.async_save': async_save})
    runner.register_hook(PressCtrlC('after_train_iter', 3))
    with pytest.raises(FileError, match='No space left'):
        runner.train()


def test_a_checkpoint_that_is_written_is_waited_for(make_runner, monkeypatch, tmp_path):
    save = torch.save

    def slow(content, file):
        time.sleep(0.3)
        save(content, file)

    monkeypatch.setattr(torch, 'save', slow)
    runner = make_runner(**{'default_hooks.checkpoint.async_save': True})
    runner.register_hook(PressCtrlC('after_train_iter', 3))
    with pytest.raises(TrainingStopped):
        runner.train()
    assert checkpoints(tmp_path) == ['iter_4.pth']


class Store(dict):
    """What processes tell each other."""

    def compare_set(self, key: str, expected: str, value: str) -> None:
        self.setdefault(key, value)

    def check(self, keys: list[str]) -> bool:
        return all(key in self for key in keys)

    get = dict.__getitem__


def test_alone_a_process_stops_at_once():
    stop = AgreedStop()
    assert stop.is_now(3, None) is None
    assert stop.is_now(4, signal.SIGTERM) == signal.SIGTERM


@pytest.mark.parametrize('first', [0, 1])
def test_processes_stop_after_the_same_iteration(first):
    """Whoever is signalled, and if another is by another signal later."""
    stops, store = [AgreedStop(), AgreedStop()], Store()
    for stop in stops:
        stop._store, stop._key = store, 'key'
    assert [stop.is_now(3, None) for stop in stops] == [None, None]
    assert stops[first].is_now(4, signal.SIGUSR1) is None
    assert stops[1 - first].is_now(4, None) is None  # the first may have been late
    assert stops[1 - first].is_now(5, signal.SIGTERM) == signal.SIGUSR1
    assert stops[first].is_now(5, signal.SIGUSR1) == signal.SIGUSR1
