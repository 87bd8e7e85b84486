"""Generate a COCO-format set of shapes with boxes, masks and sentences.

Example:
    python tools/dataset_converters/shapes.py data/shapes --train 400 --val 60
"""

from __future__ import annotations

import argparse
import sys


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', metavar='OUT', help='folder to write into')
    parser.add_argument('--train', type=int, default=400, help='training pictures')
    parser.add_argument('--val', type=int, default=60, help='validation pictures')
    parser.add_argument('--size', type=int, default=256, help='side in pixels')
    parser.add_argument('--seed', type=int, default=0, help='of everything')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the set and say what is in it; 2 if an argument is wrong."""
    args = parse_args(argv)
    from uninext.datasets.shapes import generate_image_set

    try:
        counts = generate_image_set(
            args.out, args.train, args.val, size=args.size, seed=args.seed
        )
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    for split in ('train', 'val'):
        print(
            f'{args.out}/{split}: {counts[f"{split}_images"]} pictures, '
            f'{counts[f"{split}_objects"]} objects, '
            f'{counts[f"{split}_sentences"]} sentences'
        )
    return 0


if __name__ == '__main__':
    sys.exit(main())
