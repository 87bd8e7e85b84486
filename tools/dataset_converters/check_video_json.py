r"""Check a video annotation file: lengths, frames, boxes, masks, categories.

Reads ours and the downloads that need no conversion: YouTube-VIS 2019 and 2021, OVIS.

Example:
    python tools/dataset_converters/check_video_json.py \
        data/ytvis_2019/annotations/instances_train_sub.json \
        --images data/ytvis_2019/train/JPEGImages
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('json', type=Path, help='file to check')
    parser.add_argument(
        '--images', type=Path, help='folder of the frames; without it none is looked at'
    )


def run(args: argparse.Namespace) -> int:
    """Check the file; 1 if something is wrong."""
    from uninext.converters import VideoCheck

    check = VideoCheck(args.json, args.images)
    print(check.found.summary(args.json).replace('skipped ', 'wrong: '))
    labels = ', '.join(f'{name} {n}' for name, n in check.labels.most_common())
    print(f'  objects by category: {labels or "none"}')
    print('nothing is wrong' if check.ok else 'see above for what is wrong')
    return 0 if check.ok else 1


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if all is well, 1 if something is wrong, 2 if unreadable."""
    return run_tool(__doc__, add_arguments, run, argv)


if __name__ == '__main__':
    sys.exit(main())
