"""Curves of one training, or of several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from uninext.analysis.run_logs import SOURCE_PREFIX, RunLog, smooth, wanted_keys
from uninext.utils.figures import figure_path, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAST_LAYER = (
    *('loss_ce', 'loss_bbox', 'loss_giou', 'loss_boxiou', 'loss_mask', 'loss_dice'),
    *('loss_prj', 'loss_pairwise', 'loss_reid', 'loss_reid_aux'),
)
PANEL_WH, MAX_COLUMNS = (5.5, 4.0), 3
MANY_POINTS = 40  # curves with fewer have their points marked

Line = tuple[str, RunLog, str]  # label, run, scalar


def draw_curves(
    runs: Sequence[RunLog],
    out: str | Path,
    keys: Sequence[str] = (),
    window: int = 1,
    title: str = '',
) -> Path:
    """Draw the curves of trainings as an image file, and return its path.

    Of one run: the summed loss of each source, the losses of the last decoder layer,
    and the metrics of validation if there are some. Of several: a panel for each
    source, and one for each metric, with a curve a run.

    Args:
        runs: At least one.
        out: Image to write, .png, .svg, .pdf or .jpg.
        keys: Regular expressions of scalars; a panel each instead.
        window: Logged values that a point is the mean of.
        title: Above all.

    Raises:
        ValueError: If there is no run, no scalar of such a name, or no such format.
    """
    out = figure_path(out)
    panels = _panels(runs, keys)
    from matplotlib.figure import Figure

    columns = min(len(panels), MAX_COLUMNS)
    rows = -(-len(panels) // columns)
    figure = Figure((PANEL_WH[0] * columns, PANEL_WH[1] * rows), layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.axis('off')
    for axis, (name, lines) in zip(axes.flat, panels.items()):
        _draw_panel(axis, name, lines, window)
    figure.suptitle(title)
    save_figure(figure, out)
    return out


def _panels(runs: Sequence[RunLog], keys: Sequence[str]) -> dict[str, list[Line]]:
    """Title -> lines."""
    if not runs:
        raise ValueError('There is no run to draw.')
    known = list(dict.fromkeys(key for run in runs for key in run.keys))
    if keys:
        names = [name for key in keys for name in wanted_keys(known, key)]
        return {name: _of_all(runs, name) for name in dict.fromkeys(names)}
    metrics = _shown_metrics(runs)
    if len(runs) > 1:
        names = [key for key in known if key.startswith(SOURCE_PREFIX)]
        return {name: _of_all(runs, name) for name in ['loss', *names, *metrics]}
    (run,) = runs
    sources = [(s, run, f'{SOURCE_PREFIX}{s}') for s in run.sources]
    panels = {
        'sum of all losses, by source': sources or [('all', run, 'loss')],
        'last decoder layer, weighted': [(k, run, k) for k in LAST_LAYER if k in known],
        'validation': [(key, run, key) for key in metrics],
    }
    return {title: lines for title, lines in panels.items() if lines}


def _shown_metrics(runs: Sequence[RunLog]) -> list[str]:
    """Metrics that were measured more than once in a run: one point is no curve."""
    keys = dict.fromkeys(k for r in runs for v in r.validation.values() for k in v)
    return [k for k in keys if any(len(run.curve(k)[0]) > 1 for run in runs)]


def _of_all(runs: Sequence[RunLog], key: str) -> list[Line]:
    return [(run.name, run, key) for run in runs]


def _draw_panel(axis: Axes, title: str, lines: Sequence[Line], window: int) -> None:
    values = []
    for i, (label, run, key) in enumerate(lines):
        iterations, points = run.curve(key)
        if not points:  # this run has none of it
            continue
        points = smooth(points, window)
        marker = '.' if len(points) < MANY_POINTS else ''
        color = f'C{i % 10}'  # a run has the same in all panels
        axis.plot(iterations, points, color, label=label, lw=1.2, marker=marker)
        values += points
    if 'loss' in lines[0][2] and values and min(values) > 0:
        axis.set_yscale('log')
        axis.yaxis.set_major_formatter('{x:g}')
        narrow = max(values) < 10 * min(values)
        axis.yaxis.set_minor_formatter('{x:g}' if narrow else '')
    axis.set_title(title, fontsize=10)
    axis.set_xlabel('iteration')
    axis.grid(alpha=0.3)
    if values:
        axis.legend(fontsize=8)
