"""Convert MOT17 (MOT16, MOT20) to a file of videos.

Reads ROOT/train/<sequence>/{img1/000001.jpg,gt/gt.txt,seqinfo.ini}; writes the video
JSON that VideoInstanceDataset reads, with file names relative to ROOT. Frames that are
not on the disk are left out and counted.

Example:
    python tools/dataset_converters/mot_challenge.py downloads/MOT17 \
        data/mot17/annotations/train.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('root', type=Path, help='folder of the download')
    parser.add_argument('out', type=Path, help='file to write')
    parser.add_argument(
        '--split', default='train', help='folder of the sequences (default: train)'
    )
    parser.add_argument(
        '--min-visibility',
        type=float,
        default=0.0,
        metavar='PART',
        help='ignore persons of whom a smaller part is visible, 0 to 1 (default: 0)',
    )
    parser.add_argument(
        '--strict',
        action='store_true',
        help='fail if a frame with annotations is not on the disk',
    )


def run(args: argparse.Namespace) -> int:
    """Convert what the command line asks for."""
    from uninext.converters.mot_challenge import convert_mot_challenge

    conversion = convert_mot_challenge(
        args.root, args.out, args.split, args.min_visibility, strict=args.strict
    )
    print(conversion.summary(str(args.out)))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, run, argv)


if __name__ == '__main__':
    sys.exit(main())
