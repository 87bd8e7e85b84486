"""What a checkpoint of a training holds, before it is written."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from mmengine.runner import runner as upstream
from mmengine.runner import save_checkpoint
from mmengine.utils import apply_to
from torch import Tensor

from uninext.checkpoint import save_file

_RESUME = (
    'Checkpoints saved before are intact: make room (or change work_dir) and run the '
    'same command with --resume.'
)


@contextlib.contextmanager
def gathering(found: list[Callable[[], None]], copied: bool) -> Iterator[None]:
    """Let mmengine's runner gather a checkpoint, but not write it.

    mmengine would hold the file in memory, twice.

    Args:
        found: Gets what writes it: the file appears under its name when it is whole.
        copied: Whether that may be called when training has gone on.
    """

    def take(content: dict[str, Any], path: str, **backend: Any) -> None:
        if copied:
            on_cpu = apply_to(content, lambda x: isinstance(x, Tensor), Tensor.cpu)
            content = copy.deepcopy(on_cpu)
        found.append(partial(_write, content, path, backend))

    upstream.save_checkpoint = take
    try:
        yield
    finally:
        upstream.save_checkpoint = save_checkpoint


def _write(content: dict[str, Any], path: str, backend: dict[str, Any]) -> None:
    if '://' in path:
        save_checkpoint(content, path, **backend)
    else:
        save_file(content, path, _RESUME)
