"""Convolutions as they run fastest: channels last, BatchNorm folded at test."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from typing import Any

import torch
from mmcv.cnn import fuse_conv_bn
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from uninext.utils.weights_stamp import weights_stamp

TOLERANCE = 1e-3  # of the largest value; folding is good to about 1e-6


def to_channels_last(module: nn.Module) -> None:
    """Store the weights of 2D convolutions with their channels last.

    Convolutions follow the order of their weights. Shapes, and values, stay.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.to(memory_format=torch.channels_last)


class FoldedNorm:
    """Runs a module with its BatchNorm folded into convolutions where nothing learns.

    The folded copy is kept, in the precision that is wanted, until the weights change.
    It is compared once with the module itself, which goes on alone where they differ:
    of a module that normalises before its convolutions. A module with hooks, or with
    weights whose changes cannot be seen (made in inference mode), runs as it is.
    """

    def __init__(self) -> None:
        self._folded: nn.Module | None = None
        self._state: Hashable = None

    def __deepcopy__(self, memo: dict) -> FoldedNorm:
        return FoldedNorm()

    def __reduce__(self) -> tuple[type, tuple]:
        return FoldedNorm, ()

    def clear(self) -> None:
        """Forget the copy: weights may have been swapped."""
        self._folded, self._state = None, None

    def run(self, module: nn.Module, inputs: Tensor) -> Any:
        """``module(inputs)``; levels (B, C, Hl, Wl) of images (B, 3, H, W)."""
        if module.training or torch.is_grad_enabled() or _is_watched(module):
            return module(inputs)
        state = weights_stamp(module)
        if state != self._state:
            self._folded, self._state = _fold(module, inputs), state
        return (self._folded or module)(inputs)


def _is_watched(module: nn.Module) -> bool:
    """Whether somebody's hooks wait for its parts, or changes cannot be seen."""
    return (
        'forward' in vars(module)
        or any(
            part._forward_hooks or part._forward_pre_hooks for part in module.modules()
        )
        or any(p.is_inference() for p in module.parameters())
    )


def _fold(module: nn.Module, inputs: Tensor) -> nn.Module | None:
    """A copy without BatchNorm; None if it has none, or cannot be folded."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    if not norms or any(norm.training or not norm.affine for norm in norms):
        return None
    folded = fuse_conv_bn(copy.deepcopy(module)).requires_grad_(False)
    to_channels_last(folded)
    with torch.autocast(inputs.device.type, enabled=False):
        if not _equal(folded(inputs), module(inputs)):
            return None
    if torch.is_autocast_enabled(inputs.device.type):  # as it would convert them
        dtype = torch.get_autocast_dtype(inputs.device.type)
        for part in folded.modules():
            if isinstance(part, nn.Conv2d):
                part.to(dtype)
    return folded


def _equal(found: Any, expected: Any) -> bool:
    return all(
        bool((a - b).abs().max() <= TOLERANCE * b.abs().max())
        for a, b in zip(found, expected)
    )
