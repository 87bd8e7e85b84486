"""Measured speed as tables and plots of docs/performance.md.

Enters: what ``tools/analysis_tools/benchmark.py table`` wrote, and the comparison with
the published code. Leaves: Markdown by the name of its marks; curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from uninext.utils.figures import figure_path, save_figure
from uninext.utils.marked_pages import table

SCHEMA = 1
KEYS = {'schema', 'machine', 'settings', 'gemm', 'rows', 'parts', 'growth', 'bytes'}
GPUS = (2, 16, 64)
LINK_GB = 25.0  # a second and GPU, of a link of 200 Gbit/s

UNITS = {
    'categories': 'category',
    'expressions': 'expression',
    'targets': 'target',
    'short side': 'pixel of the short side',
    'frames': 'frame before it',
    'frames, memory in MB': 'frame before it',
    'processes': 'process',
}

# Why a curve is what it is; the numbers beside it are measured.
REASONS = {
    'categories': 'Names are cut into parts that fit the text encoder; each part is a '
    'row of its own through fusion, encoder and decoder, and only the backbone is '
    'shared. Within a part a name costs its tokens in the fusion alone.',
    'expressions': 'Each expression is a row: the backbone is shared, encoder and '
    'decoder are not.',
    'targets': 'As an expression, with a template of 1,024 tokens, which the fusion '
    'compares with every image token. Templates are encoded when they change.',
    'short side': 'Image tokens grow with the area, and all work is linear in them but '
    'for the text and the 900 queries: seconds by side are a parabola.',
    'frames': 'A session keeps what it needs for the next frame, and no frame.',
    'frames, memory in MB': 'The same: memory does not grow with the video.',
    'processes': 'Processes share the cores of one machine and average all gradients '
    'in each step: a straight line would be seen on a machine each.',
}


def checked(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, if it is what this page is made of.

    Raises:
        ValueError: If keys are missing or unknown, or it is of another schema.
    """
    if set(measured) != KEYS or measured['schema'] != SCHEMA:
        raise ValueError(
            f'This is no table of speed: it has {sorted(measured)}, schema '
            f'{measured.get("schema")}; expected {sorted(KEYS)}, schema {SCHEMA}. '
            'Write it with tools/analysis_tools/benchmark.py table --out FILE.'
        )
    return measured


def page_parts(
    measured: Mapping[str, Any], published: Mapping[str, Any]
) -> dict[str, str]:
    """Markdown by the name of its marks.

    Args:
        measured: Of ``benchmark.py table``.
        published: Rows of the comparison with the published code, see
            :func:`published_table`.

    Raises:
        ValueError: See :func:`checked`.
    """
    checked(measured)
    return {
        'machine': machine_lines(measured),
        'published': published_table(published),
        'rows': rows_table(measured['rows']),
        'parts': parts_table(measured['parts']),
        'gemm': gemm_table(measured['gemm']),
        'growth': growth_table(measured['growth']),
        'scaling': scaling_table(measured['bytes']),
    }


def machine_lines(measured: Mapping[str, Any]) -> str:
    """What was measured on, and what."""
    both = {**measured['machine'], **measured['settings']}
    lines = [f'- {name.replace("_", " ")}: {value}' for name, value in both.items()]
    if measured['settings']['quick']:
        lines.insert(0, '- **A quick run of a tiny model: it shows the form alone.**')
    return '\n'.join(lines)


def published_table(published: Mapping[str, Any]) -> str:
    """The published code's seconds by ours, before and now.

    Args:
        published: Row -> ``ratio`` (published by before), ``goal``, and, where it was
            measured, ``before`` and ``now``: medians of runs in turns.
    """
    lines = []
    for name, row in published.items():
        before = now = gained = '-'
        if 'now' in row:
            before, now = _number(row['before']), _number(row['now'])
            gained = f'{row["ratio"] * row["before"] / row["now"]:.2f}'
        goal = f'{row["goal"]:.2f}'
        lines.append([name, before, now, f'{row["ratio"]:.2f}', gained, goal])
    titles = ['work', '97ef9bd', 'now', 'ratio then', 'ratio now', 'at least']
    return table(titles, lines)


def rows_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Each piece of work."""
    lines = [
        [
            row['name'],
            _number(row['seconds']),
            f'{row["peak_mb"]:.0f}' if row['peak_mb'] is not None else '-',
            f'{row["gflop"]:.1f}' if row['gflop'] else '-',
            f'{row["gflop"] / row["seconds"]:.0f}' if row['gflop'] else '-',
            f'{row["gemm_share"]:.0%}' if row['gemm_share'] else '-',
        ]
        for row in rows
    ]
    titles = ['work', 'seconds', 'peak MB', 'GFLOP', 'GFLOP/s', 'of the GEMM rate']
    return table(titles, lines)


def parts_table(parts: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds of each part, their share, and its operations."""
    whole = sum(part['seconds'] for part in parts.values())
    lines = [
        [
            name,
            _number(part['seconds']),
            f'{part["seconds"] / whole:.1%}',
            f'{part["gflop"]:.2f}' if part['gflop'] else '-',
        ]
        for name, part in parts.items()
    ]
    return table(['part', 'seconds', 'share', 'GFLOP'], lines)


def gemm_table(gemm: Mapping[str, float]) -> str:
    """Rates of matrix products."""
    lines = [[shape, f'{rate:.0f}'] for shape, rate in gemm.items()]
    return table(['rows x inner x columns', 'GFLOP/s'], lines)


def growth_table(growth: Mapping[str, Mapping[str, float]]) -> str:
    """Points, slope and reason of each curve."""
    parts = []
    for axis, points in growth.items():
        lines = [[str(x) for x in points], [_number(y) for y in points.values()]]
        parts += [
            f'**{axis}**\n',
            table(lines[0], lines[1:]) + '\n',
            f'{slope_line(axis, points)} {REASONS[axis]}\n',
        ]
    return '\n'.join(parts).rstrip()


def slope_line(axis: str, points: Mapping[str, float]) -> str:
    """The slope between the first and the last point, and from point to point."""
    if len(points) < 2:
        return 'One point, no slope.'
    xs, ys = [float(x) for x in points], list(points.values())
    unit = 'MB' if axis.endswith('MB') else 's'
    steps = [(y1 - y0) / (x1 - x0) for x0, x1, y0, y1 in _pairs(xs, ys)]
    whole = (ys[-1] - ys[0]) / (xs[-1] - xs[0])
    return (
        f'{_number(whole)} {unit} per {UNITS[axis]}, from point to point '
        f'{", ".join(map(_number, steps))}.'
    )


def scaling_table(sizes: Mapping[str, int], link_gb: float = LINK_GB) -> str:
    """What each GPU sends in a step, and how long that takes.

    A ring sends each gradient 2 (n - 1) / n times.

    Args:
        sizes: Model -> bytes of its gradients.
        link_gb: Gigabytes a second that a GPU sends.
    """
    lines = []
    for name, size in sizes.items():
        sent = [2 * (n - 1) / n * size / 1e9 for n in GPUS]
        cells = [f'{gb:.2f} GB, {gb / link_gb * 1e3:.0f} ms' for gb in sent]
        lines.append([name, f'{size / 1e6:.0f} MB', *cells])
    return table(['model', 'gradients', *(f'{n} GPUs' for n in GPUS)], lines)


def draw_growth(growth: Mapping[str, Mapping[str, float]], out: str | Path) -> Path:
    """A panel for each curve, as a file; its path."""
    from matplotlib.figure import Figure

    out = figure_path(out)
    columns = 2
    rows = max(-(-len(growth) // columns), 1)
    figure = Figure(figsize=(5 * columns, 2.8 * rows), layout='constrained')
    for number, (axis, points) in enumerate(growth.items(), 1):
        panel = figure.add_subplot(rows, columns, number)
        panel.plot([float(x) for x in points], list(points.values()), marker='o')
        panel.set_xlabel(axis)
        panel.set_ylabel('MB' if axis.endswith('MB') else 'seconds')
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    save_figure(figure, out)
    return out


def _pairs(xs: Sequence[float], ys: Sequence[float]) -> zip:
    return zip(xs, xs[1:], ys, ys[1:])


def _number(value: float) -> str:
    return f'{value:.3g}' if abs(value) < 1000 else f'{value:.0f}'
