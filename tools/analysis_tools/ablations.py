"""Train what configs/uninext/ablations describes, each with several seeds, as a table.

Each run has a folder WORK_DIR/NAME_seedN. One that was stopped goes on; one with its
last evaluation is left alone. So one command starts, continues and, at last, tabulates.
Example: ablations.py --amp --jobs 2 --cfg-options load_from=CHECKPOINT
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from uninext.analysis.run_logs import LOG, read_run
from uninext.cli.common import run_tool

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs/uninext/ablations'
WHOLE = 'stage2_shapes_whole'  # the config that others are compared with
CONFIDENCE = 0.95
# heading -> key of the evaluation's log
METRICS = {
    'box AP': 'coco/coco/bbox_mAP',
    'mask AP': 'coco/coco/segm_mAP',
    'P@0.5': 'refcoco/refexp/bbox_P@0.5',
    'oIoU': 'refcoco/refexp/segm_oIoU',
}


class Run(NamedTuple):
    """One config with one seed, in a folder of its own."""

    config: Path
    seed: int
    folder: Path

    def metrics(self) -> dict[str, float] | None:
        """The last evaluation, heading -> metric; None if there is none yet."""
        if not any(self.folder.glob(f'*/{LOG}')):
            return None
        validation = read_run(self.folder).validation
        if not validation:
            return None
        evaluated = validation[max(validation)]
        absent = [key for key in METRICS.values() if key not in evaluated]
        if absent:
            raise ValueError(
                f'The last evaluation in {self.folder} has no {absent}; it has '
                f'{sorted(evaluated)}. Was it trained with another evaluator?'
            )
        return {name: evaluated[key] for name, key in METRICS.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'configs',
        nargs='*',
        type=Path,
        default=sorted(FOLDER.glob('*.py')),
        help=f'default: all of {FOLDER.name}/',
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/ablations'))
    parser.add_argument('--jobs', type=int, default=1, help='trainings at a time')
    parser.add_argument('--table', action='store_true', help='train nothing')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')


def run(args: argparse.Namespace) -> int:
    """Train what is missing, print the table; 1 if a training failed."""
    runs = [
        Run(config, seed, args.work_dir / f'{config.stem}_seed{seed}')
        for seed in args.seeds
        for config in args.configs
    ]
    failed = []
    if not args.table:
        missing = [one for one in runs if one.metrics() is None]
        with ThreadPoolExecutor(args.jobs) as pool:
            codes = pool.map(lambda one: _train(one, args), missing)
            failed = [one for one, code in zip(missing, codes) if code]
    print(table(runs))
    for one in failed:
        print(f'failed: {one.folder / "log.txt"}', file=sys.stderr)
    return int(bool(failed))


def table(runs: Sequence[Run]) -> str:
    """A row of Markdown for each config: mean and half of a 95 % interval over seeds.

    ``*``: the difference from the whole method is beyond noise (Welch's t-test, 5 %).
    """
    lines = ['| | ' + ' | '.join(METRICS) + ' |', '|---' * (len(METRICS) + 1) + '|']
    by_config: dict[Path, list[dict[str, float]]] = {}
    for run in runs:
        evaluated = by_config.setdefault(run.config, [])
        evaluated += [metrics] if (metrics := run.metrics()) else []
    whole = next((m for c, m in by_config.items() if c.stem == WHOLE), [])
    for config, evaluated in by_config.items():
        cells = [
            _cell([m[name] for m in evaluated], [m[name] for m in whole])
            for name in METRICS
        ]
        lines.append(f'| {config.stem} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def _cell(values: Sequence[float], whole: Sequence[float]) -> str:
    from scipy import stats

    if not values:
        return 'not run'
    mean, number = fmean(values), len(values)
    if number == 1:
        return f'{mean:.3f}'
    error = stdev(values) / number**0.5
    half = stats.t.ppf((1 + CONFIDENCE) / 2, number - 1) * error
    differs = len(whole) > 1 and _differ(values, whole)
    return f'{mean:.3f} ± {half:.3f}' + ' *' * differs


def _differ(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two means differ by more than the spread of their seeds explains."""
    from scipy import stats

    if len({*a}) == len({*b}) == 1:
        return a[0] != b[0]
    return bool(stats.ttest_ind(a, b, equal_var=False).pvalue < 1 - CONFIDENCE)


def _train(run: Run, args: argparse.Namespace) -> int:
    """Train in a process of its own, its output in the folder; the exit status."""
    run.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / 'tools/train.py'), str(run.config)]
    command += ['--work-dir', str(run.folder), '--resume', *['--amp'] * args.amp]
    command += ['--cfg-options', f'randomness.seed={run.seed}', *args.cfg_options]
    print(f'{run.folder.name} ...', flush=True)
    with open(run.folder / 'log.txt', 'a') as log:
        threads = os.environ.get('OMP_NUM_THREADS', '1')
        environment = {**os.environ, 'OMP_NUM_THREADS': threads}
        return subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment
        ).returncode


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
