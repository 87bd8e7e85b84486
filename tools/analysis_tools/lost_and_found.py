"""For how many hidden frames an object keeps its id, on generated videos.

An object goes behind another, or out of the image, for N frames and comes back; with a
twin in sight, or without. Prints the share of ids that are kept for each N, and the
largest N up to which 95 % are; writes both to OUT/lost_and_found.{md,json}.

Examples:
    python tools/analysis_tools/lost_and_found.py
    python tools/analysis_tools/lost_and_found.py --keep-lost 40 --hidden 4 16 32 \
        --scenes 50 --out work_dirs/lost
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from uninext.cli.common import add_model_options, run_tool, speed_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_model_options(parser)
    parser.add_argument(
        '--hidden',
        nargs='+',
        type=int,
        metavar='N',
        help='numbers of hidden frames; default: 1 2 4 8 16 32',
    )
    parser.add_argument(
        '--scenes',
        type=int,
        default=20,
        metavar='N',
        help='videos of each kind and number; default %(default)s',
    )
    parser.add_argument(
        '--keep-lost', type=int, metavar='N', help='as of uninext predict'
    )
    parser.add_argument('--seed', type=int, default=0, help='default %(default)s')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/lost_and_found'),
        metavar='DIR',
        help='default %(default)s',
    )


def run(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    from uninext.apis import UninextInferencer
    from uninext.shapes.report import lost_and_found as report
    from uninext.utils.counts import check_count

    check_count(args.scenes, '--scenes')
    find = UninextInferencer(args.model, args.checkpoint, args.device, **speed_of(args))
    numbers = sorted(set(args.hidden or report.NUMBERS))
    given = dict(scenes=args.scenes, keep_lost=args.keep_lost, seed=args.seed)
    rows = []
    for row in report.measure_kept_ids(find, numbers, **given):
        print(f'{row.kind}, {row.num_hidden} hidden: {row.kept} of {row.found} kept')
        rows.append(row)
        if row.kind == report.KINDS[-1]:  # this number of frames is complete
            report.write_kept_ids(args.out, rows, dict(given, model=args.model))
    print(f'\n{report.kept_ids_table(rows)}\n')
    share = f'{report.KEPT_SHARE:.0%}'
    print(
        f'{share} keep their id if hidden for up to {report.longest_kept(rows)} frames'
    )


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
