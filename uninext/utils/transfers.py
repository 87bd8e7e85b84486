"""Between main memory and a GPU without waiting more often than necessary.

A GPU works through what it was given while the host goes on; each read and each plain
copy makes the host wait for all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def may_overlap(device: torch.device) -> bool:
    """Whether a copy to a device may be left alone while the host goes on.

    Not on MPS, which reads memory that is free by then: pytorch/pytorch issue 189690.
    """
    return device.type != 'mps'


def tensor_on(
    device: torch.device, values: Any, dtype: torch.dtype | None = None
) -> Tensor:
    """``torch.tensor`` on a device, which the host does not wait for.

    Args:
        device: Where it shall be.
        values: Numbers, or lists of them.
        dtype: None: as of the values.
    """
    return upload(torch.tensor(values, dtype=dtype), device)


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of main memory on a device; itself if that is the CPU.

    The host does not wait: the copy is in the order of the device's work, and of
    memory that is not pinned it has been read when this returns.
    """
    return tensor.to(device, non_blocking=may_overlap(torch.device(device)))


def download(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors of one device in main memory as float32, by one copy.

    Whole numbers up to 2**24 stay exact.
    """
    if not tensors:
        return []
    flat = torch.cat([tensor.flatten().float() for tensor in tensors]).cpu()
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors)]
