"""Networks of full size that take no memory, to ask for names, shapes and counts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def without_numbers() -> Iterator[None]:
    """Make what is built inside the block on the device ``meta``.

    ``torch.linspace`` still makes numbers: ConvNeXt reads its chances to drop a path
    from it.

    Example:
        >>> with without_numbers():
        ...     layer = torch.nn.Linear(1_000_000, 1_000_000)
        >>> layer.weight.device
        device(type='meta')
    """
    with torch.device('meta'), _LinspaceOnCPU():
        yield


class _LinspaceOnCPU(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace:
            kwargs = {'device': 'cpu', **kwargs}
        return func(*args, **kwargs)
