"""What breaks a training of two processes, and that nothing is lost by it.

``FAULTS=50`` repeats what is left to chance so often (``make faults``).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
import torch

from helpers.engine_toy import ToyDataset
from helpers.two_processes import statuses, train_whole, two_copies
from uninext.checkpoint import io, local_file

pytestmark = pytest.mark.slow
REPEATS = int(os.environ.get('FAULTS', '1'))
EACH = 'default_hooks.checkpoint.interval=1'  # a checkpoint after each iteration
ASYNC = 'default_hooks.checkpoint.async_save=True'
SLOW = 'train_dataloader.dataset.seconds=0.02'  # time to be killed in
TMP = '.pth.tmp'


def assert_same_end(work_dir: Path, whole: Path) -> None:
    """Weights and states of the optimizer are equal to the bit."""
    ends = [torch.load(of / 'iter_20.pth') for of in (work_dir, whole)]
    for part in ('state_dict', 'optimizer'):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=0, atol=0)


@pytest.fixture(scope='module')
def whole(tmp_path_factory) -> Path:
    """A run that was left alone."""
    folder = tmp_path_factory.mktemp('whole')
    keep = '--cfg-options', 'default_hooks.checkpoint.max_keep_ckpts=2'
    assert len(train_whole(folder, *keep)) == 20
    return folder


def kill_after(seconds: float, victims: tuple[int, ...]) -> Callable[[int], None]:
    """Fault: these ranks are killed so long after their first sample was read."""

    def start(rank: int) -> None:
        read = ToyDataset.__getitem__
        clock = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))

        def timed(self, index):
            if rank in victims and not clock.ident:
                clock.daemon = True
                clock.start()
            return read(self, index)

        ToyDataset.__getitem__ = timed

    return start


def die_while_writing(number: int, share: float = 0.5) -> Callable[[int], None]:
    """Fault: that much of a checkpoint is written by the time of a kill.

    Args:
        number: Of the checkpoint, counted from 1 in this process.
        share: Of its bytes.
    """

    def start(rank: int) -> None:
        save, paths = torch.save, []

        def cut(content, file):
            paths.append(file.name)
            if len(paths) < number:
                save(content, file)
            else:
                save(content, whole := BytesIO())
                file.write(whole.getvalue()[: int(whole.tell() * share)])
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)

        torch.save = cut

    return start


def test_kills_at_random_moments(tmp_path, whole, capsys):
    """Of one process or both; the run is started again until it ends."""
    kills, while_writing, runs = 0, 0, 0
    rng = random.Random(REPEATS)
    while kills < REPEATS:
        runs += 1
        work_dir = tmp_path / str(runs)
        while not (work_dir / 'iter_20.pth').exists():
            options = ['--resume', '--cfg-options', EACH, SLOW]
            options += [ASYNC] * rng.randint(0, 1)
            fault = kill_after(rng.uniform(0, 1), rng.choice([(0,), (1,), (0, 1)]))
            if rng.random() < 0.3:
                fault = die_while_writing(rng.randint(1, 8), rng.random())
            fault = fault if kills < REPEATS else None
            found = statuses(two_copies(work_dir, *options, fault=fault))
            is_killed = -signal.SIGKILL in found
            assert is_killed or found == [0, 0]
            kills += is_killed
            while_writing += is_killed and bool(list(work_dir.glob(f'*{TMP}')))
        assert_same_end(work_dir, whole)
    if REPEATS > 1:
        with capsys.disabled():
            print(
                f'\n{kills} kills, {while_writing} of them while a checkpoint was '
                f'written; {runs} runs ended with the weights of the one left alone'
            )


@pytest.mark.parametrize('option', [SLOW, ASYNC])
def test_a_kill_in_the_moment_of_writing(tmp_path, whole, option):
    every_5 = '--cfg-options', 'default_hooks.checkpoint.interval=5', option
    fault = die_while_writing(2)
    found = statuses(two_copies(tmp_path, *every_5, fault=fault))
    assert found[0] == -signal.SIGKILL
    assert found[1] != 0
    assert {p.name for p in tmp_path.glob('*.pth*')} == {'iter_5.pth', f'iter_10{TMP}'}
    train_whole(tmp_path, '--resume')
    assert_same_end(tmp_path, whole)
    assert not list(tmp_path.glob(f'*{TMP}'))


def each_its_folder(folder: Path) -> Callable[[int], None]:
    """Fault: a file system that shows each rank other files."""

    def start(rank: int) -> None:
        def here(path):
            return local_file(folder / str(rank) / Path(path).name)

        io.local_file = here

    return start


@pytest.mark.parametrize('seen', ['a newer one', 'it cut short', 'other content'])
def test_ranks_that_see_different_checkpoints(tmp_path, whole, seen, capfd):
    """All resume what the first rank found, or all end within seconds."""
    mine, other = tmp_path / '0', tmp_path / '1'
    for folder in (mine, other):
        shutil.copytree(whole, folder)
    (mine / 'iter_20.pth').unlink()
    saved = other / 'iter_10.pth'
    if seen == 'it cut short':
        saved.write_bytes(saved.read_bytes()[:-100])
    elif seen == 'other content':
        content = torch.load(saved)
        content['state_dict']['backbone.bias'] += 1e-6
        torch.save(content, saved)
    found = statuses(two_copies(mine, '--resume', fault=each_its_folder(tmp_path)))
    if seen == 'a newer one':
        assert found == [0, 0]
        assert_same_end(mine, whole)
    else:
        assert found == [2, 2]
        assert 'is not the same file in all processes: in [1]' in capfd.readouterr().err
        assert not (mine / 'iter_20.pth').exists()


def hang(folder: Path, rank: int) -> None:
    """Fault: the second rank reads for ever. Each has an error output of its own."""
    os.dup2(os.open(folder / f'errors_{rank}.txt', os.O_CREAT | os.O_WRONLY), 2)
    if rank == 1:
        ToyDataset.__getitem__ = read_for_ever


def read_for_ever(self: ToyDataset, index: int) -> None:
    time.sleep(1000)


def test_a_rank_that_hangs(tmp_path):
    """Each ends, and prints where it stands."""
    short = '--cfg-options', 'train_cfg.hang_seconds=3'
    copies = two_copies(tmp_path, *short, fault=partial(hang, tmp_path))
    assert 0 not in statuses(copies, 40)
    said = [(tmp_path / f'errors_{rank}.txt').read_text() for rank in range(2)]
    assert all('Timeout (0:00:03)!' in text for text in said)
    assert 'in read_for_ever' in said[1]
