"""Compare our model with stored numbers of the published one.

Both have the same random weights.

forward: arrays of the network. losses: of training. video: what whole videos give.
Exit status: 0 all agree, 1 some do not, 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uninext.cli.common import run_tool

if TYPE_CHECKING:
    from uninext.testing.stored_numbers import Comparison

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'uninext'
STAGES = {1: 'stage1_pretrain', 2: 'stage2_image', 3: 'stage3_video'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('what', choices=['forward', 'losses', 'video'])
    parser.add_argument('table', metavar='TABLE.tsv', help='published keys and shapes')
    parser.add_argument('numbers', metavar='NUMBERS.npz', help='stored arrays')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='of the random weights (numbers of videos tell theirs)',
    )
    parser.add_argument(
        '--config',
        help='model to check (default: that of the stage and the backbone which the '
        'table is of, e.g. stage3_video for official_r50_stage3.tsv)',
    )
    parser.add_argument('--data', help='folder that the frames of videos lie in')
    parser.add_argument('--device', default='cpu', help='where to compute')


def default_config(table: str | Path, backbone: str) -> str:
    """The config of the stage that a table is of, as its name tells, and a backbone."""
    stage = re.search(r'stage([123])', Path(table).name)
    if stage is None:
        raise ValueError(
            f'The name of the table {Path(table).name} does not tell the stage '
            '(expected stage1, stage2 or stage3 in it). Name the config: --config.'
        )
    return f'{STAGES[int(stage[1])]}{backbone}.py'


def compare(args: argparse.Namespace) -> Iterator[Comparison]:
    """The comparisons that are asked for."""
    # torch and mmdet take seconds to import
    from uninext.testing import parity, parity_losses, parity_video, random_model
    from uninext.testing.stored_numbers import StoredNumbers
    from uninext.testing.video_numbers import SharpenedModel, VideoNumbers

    kind = VideoNumbers if args.what == 'video' else StoredNumbers
    numbers = kind.load(args.numbers)
    config = args.config or CONFIGS / default_config(
        args.table, random_model.config_suffix(args.table)
    )
    if args.what == 'video':
        sharpened = SharpenedModel(config, args.table, numbers, args.device)
        return parity_video.compare_video(sharpened, numbers, Path(args.data))
    model = random_model.build_random_model(config, args.table, args.seed)
    by_kind = dict(forward=parity.compare_forward, losses=parity_losses.compare_losses)
    return by_kind[args.what](model.to(args.device), numbers)


def worst_of_tasks(results: list[Comparison]) -> list[str]:
    """A line for each task and kind of thing: how many agree, and the worst."""
    kinds: dict[tuple[str, str], list[Comparison]] = {}
    for result in results:
        task, *_, kind = result.name.split('/')
        kind = 'masks' if kind.startswith('masks') else kind
        kinds.setdefault((task, kind), []).append(result)
    lines = [f'{"task":<10} {"what":<30} {"agree":>9} {"worst":>9} {"tolerance":>9}']
    for (task, kind), found in kinds.items():
        worst = max(found, key=_excess)
        agree = f'{sum(result.passed for result in found)}/{len(found)}'
        line = f'{task:<10} {kind:<30} {agree:>9} {worst.error:>9.2g}'
        line = f'{line} {worst.tolerance:>9.2g}'
        lines.append(line if worst.passed else f'{line}  FAIL at {worst.name}')
    return lines


def absent_tasks(results: list[Comparison]) -> list[str]:
    """A line that names the tasks which the numbers do not hold, if there are any."""
    from uninext.testing.parity_video import TASKS

    held = {result.name.split('/')[0] for result in results}
    absent = [name for name in TASKS if name not in held]
    return [f'not among the numbers: {", ".join(absent)}'] if absent else []


def _excess(result: Comparison) -> tuple[bool, float]:
    """Sorts failures last, then by the share of the tolerance that is used."""
    return not result.passed, result.error / (result.tolerance or 1.0)


def run(args: argparse.Namespace) -> int:
    """Compare and print a line per array, and of videos a table of tasks."""
    if args.what == 'video' and args.data is None:
        raise ValueError('video needs --data FOLDER: the frames lie below it')
    from mmengine.registry import init_default_scope

    init_default_scope('uninext')
    results = []
    for result in compare(args):
        print(result.line(), flush=True)
        results.append(result)
    if args.what == 'video':
        print('\n'.join(['', *worst_of_tasks(results), *absent_tasks(results), '']))
    failed = [result for result in results if not result.passed]
    worst = max(results, key=_excess)
    print(
        f'{len(results) - len(failed)} of {len(results)} agree '
        f'(tolerance {worst.tolerance:g}); worst: {worst.error:.2e} {worst.name}'
    )
    return 1 if failed else 0


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
