"""Networks whose first random numbers are not made: nobody reads them.

Either weights are loaded over all of them, or they are asked for names and shapes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DRAWS = {
    *(Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_),
    *(nn.init.kaiming_normal_, nn.init.kaiming_uniform_),
}
_SHAPES = {Tensor.erfinv_, Tensor.mul_, Tensor.add_, Tensor.clamp_}


@contextlib.contextmanager
def without_draws() -> Iterator[None]:
    """Leave random parameters that are made inside as their memory happens to be.

    Memory that nobody writes to is not taken either: a network of any size is built at
    once, and ``.to('meta')`` gives it back.

    Example:
        >>> import torch
        >>> with without_draws():
        ...     layer = torch.nn.Linear(30_000, 30_000)
        >>> layer.weight.shape
        torch.Size([30000, 30000])
    """
    with _NoDraws():
        yield


class _NoDraws(TorchFunctionMode):
    """Skips draws, and what shapes a uniform draw in place afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            self._drawn = args[0] if args else kwargs['tensor']
            return self._drawn
        if func in _SHAPES and args[0] is self._drawn:
            return self._drawn
        return func(*args, **kwargs)
