"""Convert checkpoint files: loaded without running code, written atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from uninext.models.weights.converter import (
    ConversionReport,
    from_published,
    to_published,
)
from uninext.utils.safe_files import (
    STATE_KEYS,
    load_safely,
    save_safely,
    sha256_of,
)


def load_state_dict_file(path: str | Path) -> dict[str, Tensor]:
    """Load the state dict of a checkpoint on the CPU, without running code in it.

    Args:
        path: A state dict, or a dict that holds one as 'model' or 'state_dict' beside
            other things (optimizer, scheduler, iteration), saved by ``torch.save``.

    Raises:
        ValueError: If the file is absent, is no checkpoint, asks to run code, or holds
            no state dict.
    """
    return _find_state_dict(load_safely(path), Path(path))


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
    save_safely(content, target)
    return report


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
