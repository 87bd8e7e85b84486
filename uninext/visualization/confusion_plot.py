"""A confusion matrix as an image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from uninext.utils.figures import figure_path, save_figure

NOTHING = 'nothing'
MAX_WRITTEN = 25  # categories up to which the cells have numbers in them


def draw_confusion(
    counts: np.ndarray, names: Sequence[str], out: str | Path, title: str = ''
) -> Path:
    """Draw which share of each category's objects was taken for what; returns ``out``.

    Args:
        counts: (C + 1, C + 1) int, ``[i, j]`` objects of category i called j; the last
            row and column are nothing.
        names: C categories.
        out: Image to write (``.png``, ``.svg``, ``.pdf`` or ``.jpg``).
        title: Above it.

    Raises:
        ValueError: If there is no such format, or the sizes do not fit.
    """
    out = figure_path(out)
    size = len(names) + 1
    if counts.shape != (size, size):
        raise ValueError(
            f'{len(names)} names need counts of {(size, size)}, got {counts.shape}.'
        )
    from matplotlib.figure import Figure

    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(max(3.5, 0.42 * size + 2), 24)
    figure = Figure((side + 1, side), layout='constrained')
    axis = figure.subplots()
    shown = axis.imshow(shares, cmap='cividis', vmin=0, vmax=1)
    figure.colorbar(shown, label='share of the row', shrink=0.8)
    labels = [*names, NOTHING]
    axis.set_xticks(range(size), labels, rotation=60, ha='right', fontsize=8)
    axis.set_yticks(range(size), labels, fontsize=8)
    axis.set_xlabel('taken for')
    axis.set_ylabel('object')
    axis.set_title(title, fontsize=10)
    if len(names) <= MAX_WRITTEN:
        for i, j in zip(*np.nonzero(counts)):
            ink = 'black' if shares[i, j] > 0.5 else 'white'
            cell = dict(ha='center', va='center', fontsize=7, color=ink)
            axis.text(j, i, str(counts[i, j]), **cell)
    save_figure(figure, out)
    return out
