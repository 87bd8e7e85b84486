"""What is timed computes the same as a slower way, or nothing is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from uninext.models.ops.ms_deform_attn import BACKEND_VARIABLE
from uninext.utils.environment import environment

TOLERANCE = 1e-3  # of the largest number: float32, after six layers of random weights


@contextmanager
def slower_way(model: nn.Module | None = None) -> Iterator[None]:
    """Deformable attention by ``grid_sample``; nothing that the model kept is used."""
    with environment(BACKEND_VARIABLE, 'pytorch'), torch.enable_grad():
        _forget(model)
        try:
            yield
        finally:
            _forget(model)


def check_against_slower_way(
    what: str,
    compute: Callable[[], Mapping[str, Tensor]],
    model: nn.Module | None = None,
) -> float:
    """Compute something both ways.

    Args:
        what: It is, for the error.
        compute: Gives tensors by name, the same at each call.
        model: Of which nothing may be kept from the one way to the other.

    Returns:
        The largest difference, relative to the largest number of its tensor.

    Raises:
        ValueError: If it is above ``TOLERANCE``, shapes differ, or a tensor is empty.
    """
    ours = compute()
    with slower_way(model):
        expected = compute()
    worst = 0.0
    for name, tensor in expected.items():
        error = _error(ours[name].detach().float(), tensor.detach().float())
        if not error <= TOLERANCE:
            raise ValueError(
                f'{what}: {name} {tuple(ours[name].shape)} differs from that of the '
                f'slower way {tuple(tensor.shape)} by {error:.2e} of the largest; '
                f'expected at most {TOLERANCE:.0e}. It is not timed.'
            )
        worst = max(worst, error)
    return worst


def _error(ours: Tensor, expected: Tensor) -> float:
    if ours.shape != expected.shape or not expected.numel():
        return float('inf')
    return float((ours - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


def _forget(model: nn.Module | None) -> None:
    """A change of modes drops what a model keeps of prompts and weights."""
    if model is not None:
        model.train(not model.training)
        model.train(not model.training)
