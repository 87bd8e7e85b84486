"""Read and write checkpoint files: nothing is executed, nothing half-written is kept.

First and last in the flow of a run: the runner loads weights before the first
iteration, and saves the training state while it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from uninext.checkpoint.io import load_safely
from uninext.checkpoint.packaged_parts import PackagedPart, packaged_parts_of
from uninext.utils.files import FileError

# Statistics of BatchNorm that no inference uses; converted files do not carry them.
_OPTIONAL_KEYS = re.compile(r'num_batches_tracked$')
_MAX_LISTED = 8
_HISTORY = 'history_buffer'


@dataclass
class KeyReport:
    """What differed between a checkpoint and a model.

    Attributes:
        missing: Keys of the model that the checkpoint does not have.
        unexpected: Keys of the checkpoint that the model does not have.
        misshapen: Keys of both whose shapes differ.
        notes: What the model derived from the checkpoint; see :func:`load_state`.
        shapes: Of misshapen keys, for people: what they are and what they should be.
    """

    missing: list[str]
    unexpected: list[str]
    misshapen: list[str]
    notes: list[str] = field(default_factory=list)
    shapes: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshapen)

    def without(self, patterns: Sequence[str]) -> KeyReport:
        """Return the keys that none of the regular expressions ``patterns`` finds."""

        def rest(keys: list[str]) -> list[str]:
            return [k for k in keys if not any(re.search(p, k) for p in patterns)]

        return KeyReport(
            rest(self.missing),
            rest(self.unexpected),
            rest(self.misshapen),
            shapes=self.shapes,
        )

    def describe(self) -> str:
        """Return one line per kind of difference, long lists shortened."""
        lines = []
        for name in ('missing', 'unexpected', 'misshapen'):
            keys = getattr(self, name)
            if keys:
                shown = ', '.join(
                    k + self.shapes.get(k, '') for k in keys[:_MAX_LISTED]
                )
                more = len(keys) - _MAX_LISTED
                tail = f', ... and {more} more' if more > 0 else ''
                lines.append(f'  {name} ({len(keys)}): {shown}{tail}')
        return '\n'.join(lines)


def load_checkpoint_file(
    path: str | os.PathLike, map_location: Any = 'cpu', mmap: bool = False
) -> dict[str, Any]:
    """Load a checkpoint without running code that it may carry.

    Args:
        path: A local file, or an ``https://`` address that is fetched once into torch's
            hub cache.
        map_location: As in ``torch.load``.
        mmap: Map the file instead of reading it: enough to see whether it is whole.

    Returns:
        The loaded mapping.

    Raises:
        FileError: If the file is absent, cut short, carries pickled code, or is
            not a mapping.
    """
    return load_safely(local_checkpoint(path), map_location, mmap)


def local_checkpoint(path: str | os.PathLike) -> Path:
    """The file of a checkpoint on this machine.

    Args:
        path: A local file, or an ``https://`` address that is fetched once into torch's
            hub cache.

    Raises:
        FileError: If there is no such file, or it cannot be fetched.
    """
    if '://' in str(path):
        return _fetch(str(path))
    local = Path(path).expanduser()
    if not local.is_file():
        raise FileError(
            f'There is no checkpoint {str(path)!r}. Give the path of a checkpoint file.'
        )
    return local


def load_weights(model: nn.Module, path: str | os.PathLike) -> None:
    """Load a checkpoint file into a model; every key must fit.

    Args:
        model: The module to fill, unwrapped.
        path: As for :func:`load_checkpoint_file`.

    Raises:
        FileError: If the file cannot be used, or a key does not fit.
    """
    checkpoint = load_checkpoint_file(path)
    load_state(
        model,
        state_dict_of(checkpoint, str(path)),
        source=str(path),
        packaged=packaged_parts_of(checkpoint),
    )


def state_dict_of(
    checkpoint: Mapping[str, Any], source: str = 'checkpoint'
) -> dict[str, Tensor]:
    """Return the weights of a checkpoint of ours or of a bare state dict.

    Raises:
        FileError: If there are no weights under ``state_dict`` or at top level.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if 'model' in state and isinstance(state['model'], Mapping):
        raise FileError(
            f'{source} has the layout of the published code (weights under "model"). '
            'Convert it: python tools/model_converters/official_to_uninext.py IN OUT'
        )
    strange = [k for k, v in state.items() if not isinstance(v, Tensor)]
    if strange or not state:
        raise FileError(
            f'{source} holds no weights: expected tensors under "state_dict", '
            f'got {"nothing" if not state else strange[:_MAX_LISTED]}.'
        )
    return dict(state)


def load_state(
    model: nn.Module,
    state: Mapping[str, Tensor],
    allow: Sequence[str] = (),
    source: str = 'checkpoint',
    adapt: bool = False,
    packaged: Sequence[PackagedPart] = (),
) -> KeyReport:
    """Copy ``state`` into ``model``; every difference is an error unless allowed.

    Args:
        model: The module to fill, unwrapped.
        state: Its weights by key.
        allow: Regular expressions of keys that may be missing, unexpected or misshapen;
            such weights of the model stay as they are.
        source: What the error message calls ``state``.
        adapt: Let the model prepare ``state`` first, if it has a method for that:
            ``adapt_state_dict(state) -> (state, notes, patterns)`` derives weights
            from those of an earlier stage of training, says so in ``notes``, and gives
            regular expressions of keys that may be missing then. For the start of a
            training only: the weights that are missing are random.
        packaged: What ``state`` leaves out because packages bring it; taken from there,
            but for parts that ``allow`` finds as a whole.

    Returns:
        The differences that were allowed, and the notes.

    Raises:
        FileError: If a key differs and no pattern of ``allow`` finds it; the
            model is unchanged then. If a packaged part is absent or another.
    """
    notes: list[str] = []
    fresh: list[str] = []
    if adapt and hasattr(model, 'adapt_state_dict'):
        state, notes, fresh = model.adapt_state_dict(state)
    own = model.state_dict()
    absent = [f'{part.name}.*' for part in packaged if not part.is_in(model)]
    misshapen = [k for k in own if k in state and own[k].shape != state[k].shape]
    report = KeyReport(
        missing=[k for k in own if k not in state and not _OPTIONAL_KEYS.search(k)],
        unexpected=[k for k in state if k not in own] + absent,
        misshapen=misshapen,
        notes=notes,
        shapes={
            k: f' {_size(state[k])} in place of {_size(own[k])}' for k in misshapen
        },
    )
    refused = report.without(allow)
    brought = [p for p in packaged if any(p.has(k) for k in refused.missing)]
    refused.missing = KeyReport(refused.missing, [], []).without(fresh).missing
    refused.missing = _not_in(brought, refused.missing)
    if refused:
        raise FileError(
            f'{source} does not fit the model:\n{refused.describe()}\n'
            'Use the config that it was trained with. To start a training from a part '
            'of it, name what may differ: load_allow=["regular expression of keys"].'
        )
    for part in brought:
        part.fetch(model, source)
    report.missing = _not_in(brought, report.missing)
    usable = {k: v for k, v in state.items() if k in own and k not in report.misshapen}
    model.load_state_dict(usable, strict=False)
    return report


def _size(tensor: Tensor) -> str:
    return 'x'.join(map(str, tensor.shape)) or 'scalar'


def find_loadable(folder: str | os.PathLike) -> tuple[Path | None, list[str]]:
    """Find the checkpoint with the highest iteration in ``folder`` that can be read.

    Returns:
        The file or None, and why newer ones were passed over, one text each.
    """
    candidates = sorted(
        (int(match.group(1)), path)
        for path in Path(folder).glob('iter_*.pth')
        if (match := re.fullmatch(r'iter_(\d+)\.pth', path.name))
    )
    passed_over = []
    for _, path in reversed(candidates):
        try:
            load_checkpoint_file(path, mmap=True)
        except FileError as error:
            passed_over.append(str(error))
        else:
            return path, passed_over
    return None, passed_over


@contextlib.contextmanager
def refusing_pickled_code() -> Iterator[None]:
    """Make every ``torch.load`` inside the block a ``weights_only`` one.

    For code of others that we call, such as ``init_cfg=dict(type='Pretrained')``.
    """
    name = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    before = os.environ.get(name)
    os.environ[name] = '1'
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def to_plain(value: Any) -> Any:
    """Replace what only numpy and mmengine can read by tensors, numbers and dicts.

    mmengine's logs pickle bound methods; a file without them loads with
    ``weights_only=True`` in every version of torch and numpy.

    Args:
        value: Containers of plain values, numpy values and ``HistoryBuffer``.

    Returns:
        The same, with new containers. :func:`from_plain` is the inverse for logs.
    """
    if isinstance(value, HistoryBuffer):
        values, counts = (torch.from_numpy(np.array(a, float)) for a in value.data)
        return {_HISTORY: {'values': values, 'counts': counts}}
    if isinstance(value, Mapping):
        plain = {key: to_plain(item) for key, item in value.items()}
        return Counter(plain) if isinstance(value, Counter) else plain
    if isinstance(value, (list, tuple)):
        plain = [to_plain(item) for item in value]
        return plain if isinstance(value, list) else tuple(plain)
    if isinstance(value, np.generic):
        return value.item()
    return value


def from_plain(value: Any) -> Any:
    """Make ``HistoryBuffer`` again what :func:`to_plain` made of them."""
    if isinstance(value, dict) and not isinstance(value, Counter):
        if _HISTORY in value:
            log = value[_HISTORY]
            return HistoryBuffer(log['values'].tolist(), log['counts'].tolist())
        return {key: from_plain(item) for key, item in value.items()}
    return value


def _not_in(parts: Sequence[PackagedPart], keys: Sequence[str]) -> list[str]:
    return [key for key in keys if not any(part.has(key) for part in parts)]


def _fetch(address: str) -> Path:
    """Download ``address`` into torch's hub cache, once per machine.

    Processes wait for each other at a lock, not at a barrier: one that fails leaves
    nobody behind, and any of them may ask alone.
    """
    name = os.path.basename(urlparse(address).path)
    target = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target.with_name(f'{name}.lock'), 'w') as lock:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_file():
                torch.hub.download_url_to_file(address, str(target), progress=False)
    except (OSError, HTTPException) as error:
        raise FileError(
            f'{address} could not be fetched ({error}). Download it on a machine '
            'that has a network, and give its path instead.'
        ) from error
    return target
