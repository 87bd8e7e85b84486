"""Ray's engine with a stand-in for Ray; with Ray itself: test_bulk_ray."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from uninext.apis.bulk import engines
from uninext.apis.bulk.engines import WorkerError, run_here, run_on_ray
from uninext.apis.bulk.tasks import Task
from uninext.apis.sources import open_source
from uninext.utils.error_origin import is_for_users

TASKS = [(number, Task('images', (str(number),))) for number in range(5)]
SHARDS = [(number, f'shard {number}') for number, _ in TASKS]


class DiedError(Exception):
    """As of Ray."""

    def __init__(self, actor_init_failed: bool = False) -> None:
        super().__init__('No module named x')
        self.actor_init_failed = actor_init_failed


class ToldError(WorkerError):
    """As Ray raises it: of two classes."""

    cause: WorkerError


class StandIn:
    """Does the calls of actors when they are asked for, the last one first.

    Attributes:
        most: Calls that were open at a time.
        options: Of the actors.
        ended: What was ended: actors by their numbers, and the cluster.
    """

    exceptions = SimpleNamespace(RayActorError=DiedError, OutOfMemoryError=DiedError)

    def __init__(self, **resources: float) -> None:
        self.most, self.options, self.ended = 0, {}, []
        self.cluster_resources = lambda: resources
        self.is_initialized = lambda: False
        self.init = lambda **options: self.options.update(options)
        self.kill = lambda actor: self.ended.append(actor.number)
        self.shutdown = lambda: self.ended.append('cluster')
        self._num_actors = 0

    def remote(self, **options: Any) -> Callable:
        self.options.update(options)
        return lambda kind: SimpleNamespace(remote=lambda *a: self._actor(kind(*a)))

    def _actor(self, made: Any) -> SimpleNamespace:
        number = self._num_actors
        self._num_actors += 1
        call = SimpleNamespace(remote=lambda *task: (number, lambda: made.work(*task)))
        return SimpleNamespace(number=number, work=call)

    def wait(self, pending: list, num_returns: int) -> tuple[list, list]:
        assert num_returns == 1
        self.most = max(self.most, len(pending))
        assert len({actor for actor, _ in pending}) == len(pending)  # one each
        return [pending[-1]], pending[:-1]

    def get(self, done: tuple) -> str:
        try:
            return done[1]()
        except WorkerError as error:
            told = ToldError('a long trace')
            told.cause = error
            raise told from None


@pytest.fixture
def ray(monkeypatch) -> StandIn:
    stand_in = StandIn(CPU=2.0)
    monkeypatch.setattr(engines, '_ray', lambda: stand_in)
    return stand_in


def worker(outcomes: dict[int, Callable[[], object]] | None = None) -> Callable:
    """What builds a worker whose tasks may end in another way."""

    def work(number: int, task: Task) -> str:
        assert task == TASKS[number][1]
        if number in (outcomes or {}):
            outcomes[number]()
        return f'shard {number}'

    return lambda: work


def raising(error: Exception) -> Callable[[], object]:
    def call() -> None:
        raise error

    return call


def test_no_task(ray):
    assert list(run_here(raising(AssertionError()), [])) == []
    assert list(run_on_ray(worker(), [])) == []
    assert ray.ended == [0, 1, 'cluster']


def test_each_task_once_and_all_actors_at_work(ray):
    assert list(run_here(worker(), TASKS)) == SHARDS
    assert sorted(run_on_ray(worker(), TASKS)) == SHARDS
    assert ray.most == 2
    assert ray.options['num_gpus'] == 0


def test_one_actor_a_gpu_or_as_many_as_are_wanted(ray, monkeypatch):
    ray.cluster_resources = lambda: dict(CPU=16.0, GPU=3.0)
    assert sorted(run_on_ray(worker(), TASKS, address='a:1')) == SHARDS
    assert (ray.most, ray.options['num_gpus'], ray.options['address']) == (3, 1, 'a:1')
    assert sorted(run_on_ray(worker(), TASKS, num_workers=4)) == SHARDS
    assert ray.most == 4


def test_a_cluster_of_the_user_stays(ray):
    ray.is_initialized = lambda: True
    assert sorted(run_on_ray(worker(), TASKS, num_workers=1)) == SHARDS
    assert ray.ended == [0]


def test_a_task_that_ends_its_workers_is_given_up_the_others_go_on(ray):
    done = list(run_on_ray(worker({2: raising(DiedError())}), TASKS))
    assert sorted(done) == [*SHARDS[:2], (2, None), *SHARDS[3:]]


@pytest.mark.parametrize(
    ('outcome', 'error', 'message'),
    [
        (lambda: open_source(''), WorkerError, '^The source is an empty text'),
        (lambda: 1 / 0, ZeroDivisionError, 'by zero'),
        (
            raising(DiedError(actor_init_failed=True)),
            WorkerError,
            'cannot start: No module named x. Install uninext',
        ),
    ],
    ids=['for users', 'a bug', 'no worker'],
)
def test_what_a_worker_says_ends_the_run(ray, outcome, error, message):
    with pytest.raises(error, match=message):
        list(run_on_ray(worker({1: outcome}), TASKS))
    assert ray.ended == [0, 1, 'cluster']


def test_a_model_that_cannot_be_built_is_an_error_of_a_task(ray):
    with pytest.raises(WorkerError, match='^The source is an empty text'):
        list(run_on_ray(lambda: open_source(''), TASKS))


def test_without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ImportError, match='--engine local does the same'):
        next(run_on_ray(worker(), TASKS))


def test_a_ray_that_does_not_start_is_no_bug_of_ours(ray):
    def init(**_: Any) -> None:
        raise Exception('The current node timed out during startup.')

    ray.init = init
    with pytest.raises(RuntimeError, match=r'timed out .*\n.* --engine local') as told:
        next(run_on_ray(worker(), TASKS))
    assert is_for_users(told.value)
    assert ray.ended == []
