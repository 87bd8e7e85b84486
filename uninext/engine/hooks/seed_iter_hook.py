"""Seed every iteration: a run that was killed and resumed equals one that was not."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from uninext.registry import HOOKS


def seed_everything(*entropy: int) -> None:
    """Seed python, numpy and torch from the non-negative numbers ``entropy``.

    Different tuples give unrelated streams, also ``(0, 1)`` and ``(1, 0)``.
    """
    words = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    torch.manual_seed(int(words[2]))


@HOOKS.register_module()
class SeedIterHook(Hook):
    """Seed from (seed of the run, rank, iteration) before each training iteration.

    Dropout, denoising noise and random choices of the model become functions of the
    iteration alone. Data loading is not concerned: samples are seeded by their draw
    (``MultiTaskDataset``).
    """

    priority = 'VERY_HIGH'

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed the generators for the iteration that starts."""
        seed_everything(int(runner.seed or 0), get_rank(), runner.iter)
