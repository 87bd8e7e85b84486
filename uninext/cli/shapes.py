"""``uninext shapes``: generate images and videos of shapes for ten tasks."""

from __future__ import annotations

import argparse
from functools import partial

from uninext.cli.common import run_tool

DESCRIPTION = 'Generate images and videos of shapes for ten tasks.'
EXAMPLES = """\
writes the direct form: OUT/{train,val}/*.jpg,
OUT/annotations/{instances,refs,absent}_{train,val}.json and, with --videos or --layout,
OUT/videos/ and OUT/{vis,mot,sot,vos,refs,refs_motion}_{train,val}.json; with --layout,
also folders as the benchmarks are downloaded (OUT/lasot, OUT/bdd100k, ...), converted:
configs read them with data/ replaced by OUT. docs/shapes.md says more.

  uninext shapes data/shapes --train 400 --val 60
  uninext shapes data/shapes --layout all --num-train 2000 --num-val 200 \\
      --videos 400 40 --size 320 240 --frames 24
"""
IMAGES_PER_VIDEO = 5  # if layouts are asked for, but no number of videos


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument('out', metavar='OUT', help='folder to write into')
    for split, default in (('train', 400), ('val', 60), ('test', 0)):
        parser.add_argument(
            f'--{split}',
            f'--num-{split}',
            type=int,
            default=default,
            metavar='N',
            help=f'images of the {split} split (default: {default})',
        )
    parser.add_argument(
        '--videos',
        type=int,
        nargs='+',
        metavar='N',
        help='videos of the train, val and test splits (default: none; with --layout, '
        'one for five images)',
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


def run(args: argparse.Namespace) -> None:
    """Write the set and say what is in it."""
    for name, numbers, most in (('size', args.size, 2), ('videos', args.videos, 3)):
        if numbers is not None and not most - 1 <= len(numbers) <= most:
            raise ValueError(
                f'--{name} takes {most - 1} or {most} numbers, got {len(numbers)}.'
            )
    from uninext.shapes import LAYOUTS, generate_suite

    images = (args.train, args.val, args.test)
    videos = args.videos or (0, 0)
    if args.layout and args.videos is None:
        videos = [-(-number // IMAGES_PER_VIDEO) for number in images]
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


main = partial(run_tool, DESCRIPTION, add_arguments, run)  # the script
