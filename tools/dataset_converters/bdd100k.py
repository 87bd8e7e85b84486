"""Convert the labels of BDD100K: det, ins_seg, box_track and seg_track.

Reads, of the download unpacked to ROOT,

    labels/det_20/det_{train,val}.json
    labels/ins_seg/{rles,polygons}/ins_seg_{train,val}.json or bitmasks/{train,val}/
    labels/box_track_20/{train,val}/<video>.json
    labels/seg_track_20/{rles,bitmasks,polygons}/{train,val}/
    images/{100k,10k,track,seg_track_20}/{train,val}/

and writes OUT/<set>_<split>.json: COCO files for PromptCocoDataset (det with 10
classes, ins_seg with 8), video JSON for VideoInstanceDataset (8 classes). Sets that
are not there are left out, unless they are asked for by --sets.

Example:
    python tools/dataset_converters/bdd100k.py data/bdd100k
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli.common import run_tool

SET_NAMES = ('det', 'ins_seg', 'box_track', 'seg_track')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('root', type=Path, help='folder of the download')
    parser.add_argument(
        '--out', type=Path, help='folder to write (default: ROOT/annotations)'
    )
    parser.add_argument(
        '--sets', nargs='+', choices=SET_NAMES, help='default: all that are present'
    )
    parser.add_argument(
        '--splits', nargs='+', default=['train', 'val'], choices=('train', 'val')
    )
    parser.add_argument(
        '--labels-only',
        action='store_true',
        help='do not look for the images: believe the labels, take 1280 x 720',
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail instead of leaving anything out'
    )


def convert(args: argparse.Namespace) -> None:
    """Convert what the command line asks for."""
    from uninext import converters as conv
    from uninext.formats.errors import DatasetError

    found = []
    for name in args.sets or SET_NAMES:
        for split in args.splits:
            bdd_set = conv.BDD_SETS[name]
            try:
                labels = conv.find_bdd100k_labels(args.root, bdd_set, split)
            except DatasetError as error:
                if args.sets:
                    raise
                print(f'{name}_{split}: left out. {error}')
                continue
            found.append((bdd_set, split, labels))
    if not found:
        raise DatasetError(f'{args.root} holds none of the sets.')
    for bdd_set, split, labels in found:
        out = args.out or args.root / 'annotations'
        path = out / f'{bdd_set.name}_{split}.json'
        images = args.root / bdd_set.images.format(split=split)
        conversion = conv.convert_bdd100k(
            labels,
            path,
            bdd_set,
            images=None if args.labels_only else images,
            strict=args.strict,
        )
        print(f'{labels} ->\n{conversion.summary(path)}')


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, convert, argv)


if __name__ == '__main__':
    sys.exit(main())
