"""Checkpoint files, read without running code in them and written whole or not at all.

The one door for files of weights: those that the engine saves and resumes from, and
those of others that are converted. ``.safetensors`` by name, else PyTorch's format.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from uninext.utils.files import FileError, replacing

SAFETENSORS = '.safetensors'
# where a checkpoint keeps its weights: ours and mmengine's, Detectron2's
STATE_KEYS = ('state_dict', 'model')


def load_safely(
    path: str | os.PathLike, map_location: Any = 'cpu', mmap: bool = False
) -> dict[str, Any]:
    """Load a checkpoint without running code that it may carry.

    mmengine's own loader tries a safe load and falls back on an unsafe one; this one
    has no second try.

    Args:
        path: A file. One that ends in ``.safetensors`` gives ``state_dict`` and, with
            its metadata, ``meta``.
        map_location: As in ``torch.load``; safetensors are always loaded on the CPU.
        mmap: Map the file instead of reading it: enough to see whether it is whole.

    Returns:
        The loaded mapping.

    Raises:
        FileError: If the file is absent, cut short, carries pickled code, or is
            not a mapping.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileError(
            f'There is no checkpoint {str(path)!r}. Give the path of a checkpoint file.'
        )
    if path.suffix == SAFETENSORS:
        return _load_safetensors(path)
    try:
        with _safe_globals():
            loaded = torch.load(
                str(path), map_location=map_location, weights_only=True, mmap=mmap
            )
    except pickle.UnpicklingError as error:
        raise FileError(
            f'{path} was not loaded: it is not a checkpoint, or it carries Python '
            'objects whose loading could run code. If you trust its source, load it '
            'yourself and save its tensors alone, with torch.save or as .safetensors. '
            f'(torch says: {_reason(error)})'
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise FileError(_damaged(path, 'torch', error)) from error
    if not isinstance(loaded, Mapping):
        raise FileError(
            f'{path} holds a {type(loaded).__name__}; expected a mapping of weights.'
        )
    return loaded


def read_meta(path: str | os.PathLike) -> Mapping[str, Any]:
    """Read what a checkpoint says of itself; its weights are not read.

    Args:
        path: As for :func:`load_safely`.

    Returns:
        ``meta`` of the checkpoint; empty if it says nothing.

    Raises:
        FileError: As :func:`load_safely` does.
    """
    path = Path(path).expanduser()
    if path.suffix == SAFETENSORS and path.is_file():
        try:
            with safe_open(str(path), 'pt') as file:
                return file.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise FileError(_damaged(path, 'safetensors', error)) from error
    meta = load_safely(path, mmap=True).get('meta')
    return meta if isinstance(meta, Mapping) else {}


def save_safely(content: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Write a checkpoint; it appears under its name only when it is whole.

    Args:
        content: What to save. Into ``.safetensors`` go the weights (``state_dict`` or
            ``model``) and, as texts, the entries of ``meta``; nothing else fits there.
        path: File to write; its folder is made.

    Raises:
        FileError: If it cannot be written, or holds what does not fit.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        if path.suffix == SAFETENSORS:
            _save_safetensors(content, temporary)
        else:
            _save_pytorch(content, temporary)


def _load_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(str(path), 'pt') as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return {'state_dict': state, 'meta': file.metadata() or {}}
    except (SafetensorError, OSError) as error:
        raise FileError(_damaged(path, 'safetensors', error)) from error


def _save_pytorch(content: Mapping[str, Any], path: Path) -> None:
    try:
        with open(path, 'wb') as file:
            torch.save(content, file)
    except RuntimeError as error:
        # A full disk comes out of torch as its own error, beside that of the disk.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def _save_safetensors(content: Mapping[str, Any], path: Path) -> None:
    names = [name for name in STATE_KEYS if name in content]
    others = sorted(set(content) - {*names, 'meta'})
    if len(names) != 1 or others:
        raise FileError(
            f'A {SAFETENSORS} file holds weights and metadata; expected one of '
            f'{" or ".join(STATE_KEYS)}, and meta; got {sorted(content)}.'
        )
    tensors: dict[str, Tensor] = {}
    storages: set[int] = set()
    for key, value in content[names[0]].items():
        storage = value.untyped_storage().data_ptr()
        # The format has no two names of one tensor, and no views.
        tensors[key] = value.contiguous()
        if storage in storages and tensors[key].data_ptr() == value.data_ptr():
            tensors[key] = value.clone()
        storages.add(storage)
    meta = {'format': 'pt', **{k: str(v) for k, v in content.get('meta', {}).items()}}
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(tensors, str(path), metadata=meta)
        path.chmod(mode)  # safetensors makes it private
    except SafetensorError as error:
        raise OSError(f'safetensors says: {_reason(error)}') from error


@contextlib.contextmanager
def _safe_globals() -> Iterator[None]:
    """Allow what checkpoints of mmengine hold besides tensors: logs in arrays.

    Our own files do not need it; those of mmdet's model zoo do.
    """
    core = np._core if hasattr(np, '_core') else np.core
    makers = (core.multiarray._reconstruct, core.multiarray.scalar)
    allowed: list[Any] = [HistoryBuffer, np.ndarray, np.dtype, *makers]
    allowed += [type(np.dtype(t)) for t in ('f8', 'f4', 'i8', 'i4', '?')]
    # numpy 1 and 2 write different module names for the same functions.
    names = ('numpy.core.multiarray', 'numpy._core.multiarray')
    aliases: list[Any] = [(m, f'{n}.{m.__name__}') for m in makers for n in names]
    aliases.append((_log_statistic, 'builtins.getattr'))
    if not hasattr(torch.serialization, 'safe_globals'):  # torch 2.4
        torch.serialization.add_safe_globals(allowed)
        yield
        return
    try:
        torch.serialization.safe_globals(aliases).__enter__().__exit__(None, None, None)
    except (AttributeError, TypeError):
        aliases = []  # a torch that knows no aliases
    with torch.serialization.safe_globals([*allowed, *aliases]):
        yield


def _log_statistic(owner: Any, name: str) -> Callable:
    """Stand for the ``getattr`` in mmengine's logs; it reaches nothing else."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean', 'current'):
        raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) is not allowed')
    return getattr(HistoryBuffer, name)


def _damaged(path: Path, who: str, error: BaseException) -> str:
    return (
        f'{path} cannot be read ({path.stat().st_size} bytes): it is no checkpoint, or '
        'it is damaged or cut short. Take an earlier checkpoint or copy it again. '
        f'({who} says: {_reason(error)})'
    )


def _reason(error: BaseException) -> str:
    """Return the line of a message that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        if any(word in line for word in ('Unsupported', 'unsupported', 'not allowed')):
            return line.split('. Please use')[0]
    return lines[0][:200] if lines else type(error).__name__
