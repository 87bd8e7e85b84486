r"""Generate pictures and videos of shapes for ten tasks.

Writes the direct form: OUT/{train,val}/*.jpg,
OUT/annotations/{instances,refs}_{train,val}.json and, with --videos or --layout,
OUT/videos/ and OUT/{vis,mot,sot,vos,refs,refs_motion}_{train,val}.json. With --layout,
also folders as the benchmarks are downloaded (OUT/lasot, OUT/bdd100k, ...), converted:
configs read them with data/ replaced by OUT. docs/shapes.md says more.

Example:
    python tools/dataset_converters/shapes.py data/shapes --train 400 --val 60
    python tools/dataset_converters/shapes.py data/shapes --layout all \
        --num-train 2000 --num-val 200 --videos 400 40 --size 320 240 --frames 24
"""

from __future__ import annotations

import argparse
import sys

PICTURES_PER_VIDEO = 5  # if layouts are asked for, but no number of videos


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('out', metavar='OUT', help='folder to write into')
    for split, default in (('train', 400), ('val', 60), ('test', 0)):
        parser.add_argument(
            f'--{split}',
            f'--num-{split}',
            type=int,
            default=default,
            metavar='N',
            help=f'pictures of the {split} split (default: {default})',
        )
    parser.add_argument(
        '--videos',
        type=int,
        nargs='+',
        metavar='N',
        help='videos of the train, val and test splits (default: none; with --layout, '
        'one for five pictures)',
    )
    parser.add_argument(
        '--layout', nargs='+', default=[], metavar='NAME', help='all, or some of them'
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs='+',
        default=[256],
        metavar='PIXELS',
        help='width and height, or the side of squares (default: 256)',
    )
    parser.add_argument('--frames', type=int, default=24, help='of a video')
    parser.add_argument(
        '--tripod', action='store_true', help='let no camera tremble (default: half)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of everything')
    args = parser.parse_args(argv)
    if len(args.size) > 2:
        parser.error(f'--size takes one or two numbers, got {len(args.size)}.')
    if args.videos is not None and not 2 <= len(args.videos) <= 3:
        parser.error(f'--videos takes two or three numbers, got {len(args.videos)}.')
    return args


def main(argv: list[str] | None = None) -> int:
    """Write the set and say what is in it; 2 if an argument is wrong."""
    args = parse_args(argv)
    from uninext.datasets.shapes import LAYOUTS, generate_suite

    images = (args.train, args.val, args.test)
    videos = args.videos or (0, 0)
    if args.layout and args.videos is None:
        videos = [-(-number // PICTURES_PER_VIDEO) for number in images]
    try:
        generate_suite(
            args.out,
            images,
            videos,
            size_wh=(args.size[0], args.size[-1]),
            length=args.frames,
            seed=args.seed,
            hand_camera=not args.tripod,
            layouts=LAYOUTS if 'all' in args.layout else args.layout,
        )
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
