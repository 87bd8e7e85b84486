r"""Convert a set of videos from its download to the annotation file that we read.

Example:
    python tools/dataset_converters/video_set.py lasot data/lasot \
        data/lasot/annotations/train.json --split train

`video_set.py SET --help` says which folders a set's download must have.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli.common import run_tool

OPTIONS = dict(
    split_file=dict(type=Path, help='names of the wanted sequences, one a line'),
    chunks=dict(
        type=int,
        nargs='+',
        help='parts of TRAIN_0 ... TRAIN_11; default: 0 1 2 3, as '
        'the published training',
    ),
    first_mask_only=dict(
        action='store_true', help='keep the first mask of each object, as in a test'
    ),
    all_masks=dict(
        action='store_true',
        help='keep all masks of a split whose ground truth is at hand, to evaluate on',
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from uninext.converters import VIDEO_SETS

    sets = parser.add_subparsers(dest='set', metavar='SET', required=True)
    for name, video_set in VIDEO_SETS.items():
        sub = sets.add_parser(
            name, help=video_set.layout, description=f'Expects {video_set.layout}.'
        )
        images = f'ROOT/{video_set.images}'.rstrip('/')
        sub.add_argument('root', type=Path, help='folder of the download')
        sub.add_argument(
            'out', type=Path, help=f'JSON to write; file names in it start at {images}'
        )
        sub.add_argument(
            '--split', choices=video_set.splits, default=video_set.splits[0]
        )
        sub.add_argument(
            '--strict',
            action='store_true',
            help='stop at the first thing that the download lacks, instead of counting',
        )
        for option in video_set.options:
            sub.add_argument('--' + option.replace('_', '-'), **OPTIONS[option])


def run(args: argparse.Namespace) -> int:
    """Convert what the command line asks for."""
    from uninext.converters import VIDEO_SETS

    video_set = VIDEO_SETS[args.set]
    names = [*video_set.options, *['split'] * (len(video_set.splits) > 1)]
    options = {name: getattr(args, name) for name in names}
    conversion = video_set.convert(
        args.root,
        args.out,
        strict=args.strict,
        **{name: value for name, value in options.items() if value is not None},
    )
    print(conversion.summary(args.out))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, run, argv)


if __name__ == '__main__':
    sys.exit(main())
