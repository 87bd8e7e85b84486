"""Figures of matplotlib as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from uninext.utils.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SUFFIXES = {'.png', '.svg', '.pdf', '.jpg'}


def figure_path(path: str | Path) -> Path:
    """Check, before anything is drawn, that a figure can be saved there.

    Args:
        path: File to write (``.png``, ``.svg``, ``.pdf`` or ``.jpg``).

    Returns:
        ``path``.

    Raises:
        ValueError: If there is no such format.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f'{path}: give the image one of {sorted(_SUFFIXES)}.')
    return path


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; its folder is made.

    Args:
        figure: Made as ``Figure(...)``, which needs no screen and is not kept.
        path: File to write, as of :func:`figure_path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        figure.savefig(part, dpi=110, format=path.suffix[1:].lower())
