"""Convert checkpoint files: loaded without running code, written atomically."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from uninext.models.weights.converter import (
    ConversionReport,
    from_published,
    to_published,
)

STATE_KEYS = ('model', 'state_dict')


def load_state_dict_file(path: str | Path) -> dict[str, Tensor]:
    """Load the state dict of a checkpoint on the CPU, without running code in it.

    Args:
        path: A state dict, or a dict that holds one as 'model' or 'state_dict' beside
            other things (optimizer, scheduler, iteration), saved by ``torch.save``.

    Raises:
        ValueError: If the file is absent, is no checkpoint, asks to run code, or holds
            no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f'{path} is not a file. Give the path of a checkpoint.')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{path} holds more than tensors and plain values, and loading it could '
            'run code, or it is no PyTorch checkpoint. It was not loaded. If you trust '
            'its source, load it yourself and save its state dict alone. '
            f'Cause: {_first_line(error)}'
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ValueError(
            f'{path} is no PyTorch checkpoint, or is damaged: {_first_line(error)}'
        ) from error
    return _find_state_dict(content, path)


def load_published(
    path: str | Path, drop_video: bool = False
) -> tuple[dict[str, Tensor], ConversionReport]:
    """Load a published checkpoint as a state dict of ours.

    Args:
        path: Published checkpoint file.
        drop_video: See :func:`from_published`.

    Raises:
        ValueError: See :func:`load_state_dict_file`, :func:`from_published`.
    """
    return from_published(load_state_dict_file(path), drop_video)


def convert_file(
    source: str | Path,
    target: str | Path,
    reverse: bool = False,
    image_only: bool = False,
) -> ConversionReport:
    """Convert a published checkpoint file to one of ours, or back.

    The target is written beside its place and renamed, so that a half-written file
    never has its name.

    Args:
        source: File to read.
        target: File to write: ``{'state_dict': ..., 'meta': ...}``; in reverse
            ``{'model': ...}``.
        reverse: From our layout to the published one.
        image_only: Leave out what stage 3 adds.

    Raises:
        ValueError: If the files are the same, or the source cannot be converted.
    """
    source, target = Path(source), Path(target)
    if source.resolve() == target.resolve():
        raise ValueError(f'Source and target are the same file: {source}.')
    if target.is_dir():
        raise ValueError(f'The target {target} is a folder; give a file name in it.')
    state = load_state_dict_file(source)
    if reverse:
        converted, report = to_published(state)
        content: dict[str, Any] = {'model': converted}
    else:
        converted, report = from_published(state, drop_video=image_only)
        meta = {
            'source': source.name,
            'source_sha256': sha256_of(source),
            'source_stage': report.stage,
        }
        content = {'state_dict': converted, 'meta': meta}
    save_atomically(content, target)
    return report


def save_atomically(content: Any, target: Path) -> None:
    """``torch.save`` to a temporary file in the same folder, then rename it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f'.{target.name}.', dir=target.parent)
    try:
        with os.fdopen(handle, 'wb') as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes it private
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def _find_state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    state = content
    if isinstance(content, dict):
        for name in STATE_KEYS:
            if isinstance(content.get(name), dict):
                state = content[name]
                break
    if not isinstance(state, dict) or not state:
        raise ValueError(
            f"{path} holds no state dict: expected one itself, or under 'model' or "
            f"'state_dict'; found {_describe(content)}."
        )
    wrong = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if wrong:
        raise ValueError(
            f'{path} holds no state dict: {wrong[:5]} are not tensors '
            f'({_describe(content)}).'
        )
    return state


def _describe(content: Any) -> str:
    if isinstance(content, dict):
        return f'a dict with the keys {sorted(map(str, content))[:8]}'
    return f'a {type(content).__name__}'


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
