"""Hooks: seeds and losses per source."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import BaseDataElement

from uninext.engine import SeedIterHook, SourceLossHook


def draws(seed: int, iteration: int) -> tuple[float, float, float]:
    runner = SimpleNamespace(seed=seed, iter=iteration)
    SeedIterHook().before_train_iter(runner, 0)
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_draws_depend_on_seed_and_iteration_alone():
    assert draws(1, 2) == draws(1, 2)
    assert len({draws(s, i) for s in range(4) for i in range(4)}) == 16
    assert draws(None, 3) == draws(0, 3)


def test_draws_depend_on_the_rank(monkeypatch):
    first = draws(1, 2)
    monkeypatch.setattr('uninext.engine.hooks.seed_iter_hook.get_rank', lambda: 1)
    assert draws(1, 2) != first


def test_max_history_must_be_positive():
    with pytest.raises(ValueError, match='max_history'):
        SourceLossHook(max_history=0)


@pytest.mark.parametrize('batch', [None, {}, {'data_samples': []}, [1]])
def test_batches_without_a_source_are_not_recorded(batch):
    hub = MessageHub('no source')
    hook = SourceLossHook()
    hook.after_train_iter(SimpleNamespace(message_hub=hub), 0, batch, {'loss': 1.0})
    assert not hub.log_scalars


def test_losses_by_source_and_bounded_logs():
    hub = MessageHub('sources')
    hook = SourceLossHook(max_history=5)
    runner = SimpleNamespace(message_hub=hub)
    for i in range(40):
        source = 'coco' if i % 4 else 'refcoco'
        sample = BaseDataElement(metainfo=dict(source=source))
        hub.update_scalar('train/loss', float(i))
        hook.after_train_iter(runner, i, {'data_samples': [sample]}, {'loss': float(i)})
    assert hub.get_scalar('train/loss/refcoco').current() == 36
    assert hub.get_scalar('train/loss/coco').current() == 39
    assert all(len(log.data[0]) == 5 for log in hub.log_scalars.values())
