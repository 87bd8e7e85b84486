"""Two processes that train the toy, started at the cost of a fork."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from uninext.cli import main
from uninext.registry import MODELS, RUNNERS

TESTS = Path(__file__).resolve().parents[1]
TOY = TESTS / 'helpers/toy_config.py'
# what a training imports, for 3 s: once, before there are copies
_OF_ALL = (
    'matplotlib.pyplot',
    'setuptools',
    'torch._dynamo',
    'torch.distributed.fsdp',
)


def environment() -> dict[str, str]:
    """Variables of a process that trains on CPUs."""
    env = {**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': str(TESTS)}
    env.update(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1')
    env.pop('PORT', None)
    return env


def two_copies(
    work_dir: Path | str, *options: str, fault: Callable[[int], object] | None = None
) -> list[BaseProcess]:
    """Two copies of this process that train.

    Args:
        work_dir: Of the run.
        options: Further arguments of ``uninext train``.
        fault: Called in each copy with its rank, before it trains.
    """
    for module in _OF_ALL:
        importlib.import_module(module)
    assert RUNNERS.get('UninextRunner') and MODELS.get('UNINEXT')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context('fork')
    ranks = [
        fork.Process(target=_train_as, args=(rank, port, fault, work_dir, *options))
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    return ranks


def statuses(ranks: list[BaseProcess], seconds: float = 60) -> list[int]:
    """Exit statuses of processes, all of which end by then."""
    deadline = time.monotonic() + seconds
    try:
        for process in ranks:
            process.join(max(0.0, deadline - time.monotonic()))
        found = [process.exitcode for process in ranks]
        assert None not in found, f'still running after {seconds} s: {found}'
        return found
    finally:
        for process in ranks:
            process.kill()


def train_whole(work_dir: Path, *options: str) -> dict[int, float]:
    """Losses of an uninterrupted training, in two copies of this process."""
    assert statuses(two_copies(work_dir, *options), 120) == [0, 0]
    return losses_in(work_dir)


def losses_in(work_dir: Path) -> dict[int, float]:
    """The last recorded loss of every iteration, oldest run first."""
    losses = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            losses[record['iter']] = record['loss']
    return losses


def _train_as(
    rank: int,
    port: int,
    fault: Callable[[int], object] | None,
    work_dir: Path | str,
    *options: str,
) -> None:
    os.environ.update(environment(), RANK=str(rank), LOCAL_RANK=str(rank))
    os.environ.update(WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    if fault is not None:
        fault(rank)
    argv = ['train', str(TOY), '--work-dir', str(work_dir), '--launcher', 'pytorch']
    status = main([*argv, *options])
    sys.stderr.flush()
    os._exit(status)
