"""Convert a simple JSON list of referring expressions for ReferringDataset.

Reads refs with image_id, file_name, width, height, bbox (xywh), sentences and, where
known, segmentation; writes one record per referred object. Expressions that refer to
nothing are skipped; objects without a mask are kept as boxes.

Example:
    python tools/dataset_converters/refexp_json.py refs.json data/refs_train.json \
        --prefix train2017/
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('refs', type=Path, help='the JSON file')
    parser.add_argument('out', type=Path, help='the file to write')
    parser.add_argument(
        '--prefix',
        default='',
        help='keep only images whose file_name begins so, e.g. one split',
    )


def run(args: argparse.Namespace) -> int:
    """Convert what the command line asks for."""
    from uninext import converters as conv

    conversion = conv.convert_refexp_json(args.refs)
    kept = [o for o in conversion.objects if o.file_name.startswith(args.prefix)]
    others = [o.file_name for o in conversion.objects if o not in kept]
    if others:
        reason = f'file_name does not begin with {args.prefix}'
        conversion.skip(reason, others[0], len(others))
    conversion.objects = kept
    conv.write_json(conv.to_coco(conversion), args.out)
    print(conversion.summary(str(args.out)))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, run, argv)


if __name__ == '__main__':
    sys.exit(main())
