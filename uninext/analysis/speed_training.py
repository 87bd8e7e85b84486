"""A training step as a row of the table of speed."""

from __future__ import annotations

import torch
from torch import Tensor

from uninext.analysis.random_clips import random_clips
from uninext.analysis.speed_checks import check_against_slower_way
from uninext.analysis.speed_rows import Row
from uninext.analysis.timing import measure
from uninext.models.detectors import UNINEXT


def training_row(
    name: str,
    model: UNINEXT,
    size_hw: tuple[int, int],
    calls: int,
    batch_size: int = 2,
    with_reference: bool = False,
) -> Row:
    """A step without its optimizer: forward, losses, backward; 5 objects an image.

    Raises:
        ValueError: If losses and gradients are not those of the slower way.
    """
    was_training = model.training
    model.train()
    clips = random_clips(batch_size, size_hw, 5, with_reference)

    def losses_of() -> Tensor:
        data = model.data_preprocessor(clips(), True)
        losses = model.loss(data['inputs'], data['data_samples'])
        return sum(v for k, v in losses.items() if k.startswith('loss'))

    def compute() -> dict[str, Tensor]:
        torch.manual_seed(0)  # of denoising and dropout
        model.zero_grad()
        loss = losses_of()
        loss.backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        return dict(loss=loss[None], norms=torch.stack([g.norm() for g in gradients]))

    def step() -> None:
        losses_of().backward()
        model.zero_grad()

    check_against_slower_way(name, compute)
    timing = measure(step, calls, 1, model.device)
    model.train(was_training)
    return Row(name, timing.median, timing.peak_bytes / 2**20)
