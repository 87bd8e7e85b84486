"""Ray's engine with a stand-in for Ray; with Ray itself: test_bulk_ray."""

from __future__ import annotations

import builtins
from types import SimpleNamespace

import pytest

from uninext.apis.bulk.engines import WorkerError, _Actor, _shared, run_on_ray
from uninext.apis.bulk.tasks import Task

TASKS = [(number, Task('images', (str(number),))) for number in range(5)]


class DiedError(Exception):
    """As of Ray."""

    def __init__(self, actor_init_failed: bool = False) -> None:
        super().__init__('No module named x')
        self.actor_init_failed = actor_init_failed


class ToldError(WorkerError):
    """As Ray raises it: of two classes."""

    cause = WorkerError('Cannot be done.')


class StandIn:
    """Answers calls of actors when they are waited for, the last one first."""

    exceptions = SimpleNamespace(RayActorError=DiedError, OutOfMemoryError=DiedError)

    def __init__(self, outcomes: dict[int, Exception]) -> None:
        self.outcomes, self.most = outcomes, 0

    def wait(self, pending: list, num_returns: int) -> tuple[list, list]:
        self.most = max(self.most, len(pending))
        assert len({actor for actor, _ in pending}) == len(pending)  # one each
        return [pending[-1]], pending[:-1]

    def get(self, done: tuple) -> str:
        _, number = done
        if number in self.outcomes:
            raise self.outcomes[number]
        return f'shard {number}'

    @staticmethod
    def actor(name: str) -> SimpleNamespace:
        remote = SimpleNamespace(remote=lambda number, task: (name, number))
        return SimpleNamespace(work=remote)


def shared(outcomes: dict[int, Exception], tasks=TASKS) -> tuple[list, int]:
    ray = StandIn(outcomes)
    actors = [ray.actor('a'), ray.actor('b')]
    return list(_shared(ray, actors, iter(tasks))), ray.most


def test_no_task():
    assert shared({}, []) == ([], 0)


def test_each_task_once_and_all_actors_at_work():
    done, most = shared({})
    assert sorted(done) == [(number, f'shard {number}') for number, _ in TASKS]
    assert most == 2


def test_a_task_that_ends_its_workers_is_given_up_the_others_go_on():
    done, _ = shared({2: DiedError()})
    assert dict(done)[2] is None
    assert len(dict(done)) == len(done) == len(TASKS)


def test_what_a_worker_says_is_raised():
    with pytest.raises(WorkerError, match='^Cannot be done.$'):
        shared({1: ToldError()})
    with pytest.raises(ZeroDivisionError):
        shared({1: ZeroDivisionError()})
    with pytest.raises(WorkerError, match='cannot start: No module named x. Install'):
        shared({1: DiedError(actor_init_failed=True)})


def test_an_actor_tells_what_users_can_mend_from_bugs():
    def work(number, task):
        if number:
            raise ValueError('Take another.')
        return 1 / number

    actor = _Actor(lambda: work)
    with pytest.raises(ZeroDivisionError):
        actor.work(0, TASKS[0][1])
    with pytest.raises(ValueError, match='Take another') as raised:
        actor.work(1, TASKS[1][1])
    assert not isinstance(raised.value, WorkerError)  # raised outside of the package


def test_the_model_is_built_with_the_first_task():
    """What is wrong with it is then an error of a task, and told."""

    def build():
        from uninext.apis.sources import open_source

        open_source('')

    actor = _Actor(build)
    with pytest.raises(WorkerError, match='The source is an empty text'):
        actor.work(*TASKS[0])


def test_without_ray(monkeypatch):
    imported = builtins.__import__

    def none(name, *args):
        if name == 'ray':
            raise ImportError('no ray')
        return imported(name, *args)

    monkeypatch.setattr(builtins, '__import__', none)
    with pytest.raises(ImportError, match='--engine local does the same'):
        next(run_on_ray(lambda: None, TASKS))
