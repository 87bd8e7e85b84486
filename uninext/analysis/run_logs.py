"""Logs of trainings, read from their work_dirs.

mmengine writes a line of scalars each time it logs, to
``WORK_DIR/<time>/vis_data/scalars.json``: losses (``loss``, ``loss/<source>``,
``loss_*``) with ``iter``, metrics of validation with ``step`` alone. A run that was
resumed has several such files; they are joined by iteration, and the newest counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import fmean, median

LOG = 'vis_data/scalars.json'
SOURCE_PREFIX = 'loss/'
NOT_METRICS = {'step', 'iter', 'epoch', 'time', 'data_time', 'memory', 'lr', 'base_lr'}
RECENT = 10  # logged windows that the time left is reckoned from
_MAX_ITERS = re.compile(r'max_iters\s*=\s*(\d+)')

Rows = dict[int, dict[str, float]]


@dataclass(frozen=True)
class RunLog:
    """What a training logged.

    Attributes:
        name: To tell runs apart.
        training: Iteration -> scalars, in order; each is a mean over the window that
            the config's ``log_processor`` has.
        validation: Iteration -> metrics, in order.
        max_iters: Where the run ends; None if its config does not tell.
    """

    name: str
    training: Rows
    validation: Rows
    max_iters: int | None = None

    @property
    def sources(self) -> list[str]:
        """Names of the data sources whose losses were logged, sorted."""
        keys = {key for row in self.training.values() for key in row}
        return sorted(
            key.removeprefix(SOURCE_PREFIX)
            for key in keys
            if key.startswith(SOURCE_PREFIX)
        )

    @property
    def keys(self) -> list[str]:
        """Names of all scalars, those of validation last."""
        keys = {key: None for row in self.training.values() for key in row}
        keys |= {key: None for row in self.validation.values() for key in row}
        return [key for key in keys if key not in ('step', 'iter', 'epoch')]

    def curve(self, key: str) -> tuple[list[int], list[float]]:
        """Iterations and values of a scalar; empty if it was never logged."""
        rows = {**self.training}
        for iteration, metrics in self.validation.items():
            rows[iteration] = {**rows.get(iteration, {}), **metrics}
        points = [(i, rows[i][key]) for i in sorted(rows) if key in rows[i]]
        return [i for i, _ in points], [value for _, value in points]


def read_run(path: str | Path, name: str | None = None) -> RunLog:
    """Read the log of a training: of its work_dir, of one start in it, or a file.

    Raises:
        ValueError: If there is no log, or it is damaged elsewhere than in the last
            line, which a killed run may leave half.
    """
    path = Path(path)
    if path.is_file():
        logs = [path]
    else:
        logs = sorted(path.glob(f'*/{LOG}')) or sorted(path.glob(LOG))
    if not logs:
        raise ValueError(
            f'There is no log in {path}: expected */{LOG}. Give the work_dir of a '
            'training, or a scalars.json.'
        )
    training: Rows = {}
    validation: Rows = {}
    for log in logs:
        for row in _read_rows(log):
            is_training = 'iter' in row and any('loss' in key for key in row)
            step = int(row['iter'] if is_training else row.get('step', 0))
            (training if is_training else validation)[step] = row
    if not training and not validation:
        raise ValueError(f'{logs[-1]} is empty: the run has not logged anything yet.')
    named = path if path.is_dir() else path.parent.parent.parent
    return RunLog(
        name=name or named.resolve().name,
        training=dict(sorted(training.items())),
        validation=_metrics_only(validation),
        max_iters=_max_iters(logs[-1].parent / 'config.py'),
    )


def summary_table(runs: Sequence[RunLog]) -> str:
    """A line a run, in Markdown, then the losses of every source.

    Iterations, seconds an iteration (median, mean of the last windows), the share that
    was spent waiting for data, the slowest window, memory, time left, first and last
    loss.
    """
    lines = [
        '| run | iterations | s/it | lately | data | slowest | memory | left '
        '| loss, first | last |',
        '|---|---|---|---|---|---|---|---|---|---|',
    ]
    lines += [_summary_row(run) for run in runs]
    sources = sorted({source for run in runs for source in run.sources})
    if sources:
        lines += ['', f'| loss of | {" | ".join(run.name for run in runs)} |']
        lines.append('|---' * (len(runs) + 1) + '|')
        for source in sources:
            cells = [_first_to_last(run, f'{SOURCE_PREFIX}{source}') for run in runs]
            lines.append(f'| {source} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Means over the last ``window`` values, fewer at the start.

    Raises:
        ValueError: If the window is below 1.
    """
    if window < 1:
        raise ValueError(f'The window must be at least 1, got {window}.')
    return [fmean(values[max(0, i + 1 - window) : i + 1]) for i in range(len(values))]


def _read_rows(log: Path) -> list[dict[str, float]]:
    lines = log.read_text(encoding='utf-8').splitlines()
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ValueError(
                    f'Line {number} of {log} is damaged: {error}'
                ) from None
    return rows


def _metrics_only(rows: Rows) -> Rows:
    kept = {
        step: {
            key: value
            for key, value in rows[step].items()
            if key not in NOT_METRICS and isinstance(value, (int, float))
        }
        for step in sorted(rows)
    }
    return {step: metrics for step, metrics in kept.items() if metrics}


def _max_iters(config: Path) -> int | None:
    """From the text: what a log carries need not be a config of this version."""
    if not config.is_file():
        return None
    found = _MAX_ITERS.findall(config.read_text(encoding='utf-8'))
    return int(found[-1]) if found else None


def _summary_row(run: RunLog) -> str:
    iterations = max(run.training, default=0)
    times = run.curve('time')[1]
    waits = run.curve('data_time')[1]
    memory = run.curve('memory')[1]
    losses = run.curve('loss')[1]
    lately = fmean(times[-RECENT:]) if times else None
    left = None
    if lately is not None and run.max_iters is not None:
        left = timedelta(seconds=round(lately * max(run.max_iters - iterations, 0)))
    cells = [
        run.name,
        f'{iterations}/{run.max_iters}' if run.max_iters else f'{iterations}',
        f'{median(times):.3g}' if times else '-',
        '-' if lately is None else f'{lately:.3g}',
        f'{sum(waits) / sum(times):.0%}' if waits and sum(times) else '-',
        f'{max(times):.3g}' if times else '-',
        f'{max(memory):.0f} MB' if memory else '-',
        '-' if left is None else str(left),
        f'{losses[0]:.4g}' if losses else '-',
        f'{losses[-1]:.4g}' if losses else '-',
    ]
    return f'| {" | ".join(cells)} |'


def _first_to_last(run: RunLog, key: str) -> str:
    values = run.curve(key)[1]
    return f'{values[0]:.4g} to {values[-1]:.4g}' if values else '-'


def wanted_keys(
    run_keys: Mapping[str, None] | Sequence[str], pattern: str
) -> list[str]:
    """Scalars whose whole name a regular expression finds.

    Raises:
        ValueError: If it is no regular expression, or finds none.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f'{pattern!r} is no regular expression: {error}.') from None
    found = [key for key in run_keys if expression.fullmatch(key)]
    if not found:
        raise ValueError(
            f'No scalar is called {pattern!r}; there are: {", ".join(run_keys)}.'
        )
    return found
