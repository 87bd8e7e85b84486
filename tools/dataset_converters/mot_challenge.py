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


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    args = parse_args(argv)
    from uninext.datasets.annotation_file import DatasetError
    from uninext.datasets.converters.mot_challenge import convert_mot_challenge

    try:
        conversion = convert_mot_challenge(
            args.root, args.out, args.split, args.min_visibility, args.strict
        )
    except (DatasetError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(conversion.summary(str(args.out)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
