"""Engines: who does the tasks. Shards come as they are done, in any order.

The process that asks writes all of them, so that a worker that dies, or is done over
again, leaves nothing behind.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from uninext.apis.bulk.shards import Shard
from uninext.apis.bulk.tasks import Task
from uninext.apis.bulk.worker import Worker
from uninext.utils.error_origin import is_for_users, message_of

MakeWorker = Callable[[], Worker]
Tasks = Iterable[tuple[int, Task]]
Done = tuple[int, 'Shard | None']  # None: the workers that tried it have died
ENGINES = ('local', 'ray')
NUM_TRIES = 3  # workers that a task may end


def run_here(make_worker: MakeWorker, tasks: Tasks) -> Iterator[Done]:
    """One task after the other, in this process."""
    worker = None
    for number, task in tasks:
        worker = worker or make_worker()
        yield number, worker(number, task)


def run_on_ray(
    make_worker: MakeWorker,
    tasks: Tasks,
    num_workers: int | None = None,
    address: str | None = None,
) -> Iterator[Done]:
    """Actors of Ray, each with a network; one that dies is replaced.

    Args:
        make_worker: Picklable.
        tasks: Whose files all machines see under the same paths.
        num_workers: None: as many as the cluster has GPUs, else CPUs.
        address: Of a cluster; None: as Ray finds one, else this machine.

    Raises:
        ImportError: If Ray is not installed.
        RuntimeError: If Ray does not start, or there is no cluster at the address.
    """
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray, address)
    actors: list[Any] = []
    try:
        has_gpus = ray.cluster_resources().get('GPU', 0) >= 1
        unit = 'GPU' if has_gpus else 'CPU'
        count = num_workers or int(ray.cluster_resources()[unit])
        actor = ray.remote(
            num_cpus=1,
            num_gpus=int(has_gpus),
            max_restarts=-1,
            max_task_retries=NUM_TRIES - 1,
        )(_Actor)
        actors = [actor.remote(make_worker) for _ in range(count)]
        yield from _shared(ray, actors, iter(tasks))
    finally:
        for one in actors:
            ray.kill(one)
        if is_ours:
            ray.shutdown()


class WorkerError(ValueError):
    """What a worker in another process says of something that the user can mend."""


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, make_worker: MakeWorker) -> None:
        self._make_worker = make_worker
        self._worker: Worker | None = None

    def work(self, number: int, task: Task) -> Shard:
        try:  # here it is known where an error was raised
            self._worker = self._worker or self._make_worker()
            return self._worker(number, task)
        except Exception as error:
            if is_for_users(error):
                raise WorkerError(message_of(error)) from error
            raise


def _shared(
    ray: ModuleType, actors: list[Any], tasks: Iterator[tuple[int, Task]]
) -> Iterator[Done]:
    """Give each actor a task, and another when it is done."""
    idle, pending = deque(actors), {}
    while True:
        while idle and (task := next(tasks, None)):
            actor = idle.popleft()
            pending[actor.work.remote(*task)] = actor, task[0]
        if not pending:
            return
        (done,), _ = ray.wait(list(pending), num_returns=1)
        actor, number = pending.pop(done)
        idle.append(actor)
        try:
            yield number, ray.get(done)
        except WorkerError as error:  # of two classes, one of them Ray's
            raise WorkerError(str(error.cause)) from None
        except (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError) as error:
            if getattr(error, 'actor_init_failed', False):
                raise WorkerError(
                    f'Workers of Ray cannot start: {error}. Install uninext, and what '
                    'it is given, on every machine.'
                ) from None
            yield number, None


def _start(ray: ModuleType, address: str | None) -> None:
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        ray.init(
            address=address, logging_level=logging.WARNING, include_dashboard=False
        )
    except Exception as error:  # of any class: Ray raises that itself
        raise RuntimeError(
            f'Ray does not start: {error}\nTry again when the machine is less busy, '
            'give the --address of a cluster that runs, or take --engine local.'
        ) from error


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            f"--engine ray needs Ray ({error}): pip install 'uninext[ray]'. Without "
            'it, --engine local does the same in this process.'
        ) from error
    return ray
