r"""Times and losses of trainings: a table, and curves if an image is asked for.

A run is a work_dir (a resumed run has several logs in it, which are joined), or a
scalars.json. One run: its losses by source and of the last decoder layer. Several: a
panel for each source, a curve for each run.

Examples:
    python tools/analysis_tools/analyze_logs.py work_dirs/stage2_image
    python tools/analysis_tools/analyze_logs.py work_dirs/stage2_image --out losses.png
    python tools/analysis_tools/analyze_logs.py work_dirs/a work_dirs/b \
        --names baseline ours --keys 'loss/.*' loss_mask --window 5 --out curves.png
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('runs', nargs='+', metavar='RUN', help='work_dir of a training')
    parser.add_argument('--names', nargs='+', help='of the runs, in order')
    parser.add_argument('--out', help='image to write: .png, .svg, .pdf or .jpg')
    parser.add_argument(
        '--keys',
        nargs='+',
        default=(),
        metavar='REGEX',
        help='scalars to draw, a panel each, instead of the losses',
    )
    parser.add_argument(
        '--window', type=int, default=1, metavar='N', help='mean of N logged values'
    )
    parser.add_argument('--title', default='', help='above the image')


def run(args: argparse.Namespace) -> None:
    """Print the table, draw the curves."""
    names = args.names or [None] * len(args.runs)
    if len(names) != len(args.runs):
        raise ValueError(f'{len(args.runs)} runs need as many --names: {names}.')
    from uninext.analysis.curves import draw_curves
    from uninext.analysis.run_logs import read_run, summary_table

    runs = [read_run(path, name) for path, name in zip(args.runs, names)]
    print(summary_table(runs))
    if args.out:
        print(draw_curves(runs, args.out, args.keys, args.window, args.title))


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
