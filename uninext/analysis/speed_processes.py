"""Seconds of a training step in several processes, gradients averaged between them."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.registry import init_default_scope
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

from uninext.analysis.random_clips import random_clips
from uninext.analysis.speed_checks import TOLERANCE
from uninext.analysis.timing import measure
from uninext.registry import MODELS


def process_seconds(
    config: Mapping[str, Any],
    counts: Sequence[int] = (1, 2),
    size_hw: tuple[int, int] = (64, 96),
    calls: int = 3,
) -> dict[str, float]:
    """Median seconds of a step (forward, losses, backward with averaging), gloo.

    Each process trains on one image and has one thread.

    Args:
        config: Of a model of images, which every process builds.
        counts: Of processes.
        size_hw: Of images.
        calls: That count.

    Raises:
        ValueError: If gradients of two processes differ after they were averaged.
    """
    found = {}
    for count in counts:
        context = multiprocessing.get_context('spawn')
        results = context.SimpleQueue()
        given = (count, _free_port(), config, size_hw, calls, results)
        multiprocessing.spawn(_train, given, nprocs=count)
        seconds, sums = zip(*[results.get() for _ in range(count)])
        if max(sums) - min(sums) > TOLERANCE * max(sums):
            raise ValueError(
                f'Gradients of {count} processes differ after averaging: their sums '
                f'are {sums}. Nothing is reported.'
            )
        found[str(count)] = max(seconds)
    return found


def _train(
    rank: int,
    count: int,
    port: int,
    config: Mapping[str, Any],
    size_hw: tuple[int, int],
    calls: int,
    results: Any,
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=count
    )
    init_default_scope('uninext')
    torch.manual_seed(0)
    model = MODELS.build(config)
    torch.manual_seed(rank)
    # As the configs of the tiny model: a layer of MobileNetV2 leads nowhere.
    learner = DistributedDataParallel(model.train(), find_unused_parameters=True)
    clips = random_clips(1, size_hw, 3, with_reference=False, seed=rank)

    def step() -> None:
        model.zero_grad()
        data = model.data_preprocessor(clips(), True)
        losses = learner(data['inputs'], data['data_samples'], mode='loss')
        sum(v for k, v in losses.items() if k.startswith('loss')).backward()

    timing = measure(step, calls, 1)
    gradients = [p.grad.abs().sum() for p in model.parameters() if p.grad is not None]
    results.put((timing.median, float(sum(gradients))))
    distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]
