"""Figures of matplotlib as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from uninext.utils.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SUFFIXES = {'.png', '.svg', '.pdf', '.jpg'}


def figure_path(path: str | Path) -> Path:
    """Check, before anything is drawn, that a figure can be saved as this file.

    Raises:
        ValueError: If it is no .png, .svg, .pdf or .jpg.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f'{path}: give the image one of {sorted(_SUFFIXES)}.')
    return path


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; its folder is made.

    It is made as ``Figure(...)``, which needs no screen and is not kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        figure.savefig(part, dpi=110, format=path.suffix[1:].lower())
