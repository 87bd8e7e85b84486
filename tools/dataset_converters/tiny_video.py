r"""Put together what configs/uninext/stage3_video_tiny.py reads.

Reads a DAVIS-2016 folder (JPEGImages/480p, Annotations/480p, ImageSets, and
meta_expressions_authored.json with expressions) and, if given, a folder of the MOT17
layout (train/<sequence>/{img1,gt/gt.txt,seqinfo.ini}). Writes

    OUT/davis/<video>/00000.jpg        a link to the frames (or a copy: --copy)
    OUT/mot17/<sequence>/img1/*.jpg    the same
    OUT/davis_vis_train.json           instances of the one class 'object'
    OUT/davis_sot_train.json           targets with boxes and masks
    OUT/davis_refs_train.json          referred objects with their expressions
    OUT/mot17_train.json               pedestrians with identities

Example:
    python tools/dataset_converters/tiny_video.py data/tiny_video \
        --davis downloads/davis2016 --mot17 downloads/MOT17
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument('--davis', type=Path, required=True, help='DAVIS 2016')
    parser.add_argument('--split', default='val', help='list of ImageSets to take')
    parser.add_argument('--mot17', type=Path, help='folder with train/<sequence>/')
    parser.add_argument(
        '--copy', action='store_true', help='copy the frames instead of linking them'
    )


def place(source: Path, target: Path, copy: bool) -> None:
    """Link a folder, or copy it; a link that is there is replaced."""
    if target.is_symlink():
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    if copy:
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif target.exists():
        from uninext.datasets import DatasetError

        raise DatasetError(
            f'{target} is a folder, not a link. Remove it, or use --copy to fill it.'
        )
    else:
        target.symlink_to(source.resolve(), target_is_directory=True)


def convert(args: argparse.Namespace) -> None:
    """Write the four files and place the frames."""
    from uninext import converters as conv

    for name in ('vis', 'sot'):
        path = args.out / f'davis_{name}_train.json'
        conversion = conv.convert_davis(args.davis, path, year='2016', split=args.split)
        print(conversion.summary(path))
    path = args.out / 'davis_refs_train.json'
    images = args.davis / 'JPEGImages' / '480p'
    conversion = conv.convert_referred_objects(
        args.davis / 'meta_expressions_authored.json',
        path,
        images,
        args.davis / 'Annotations' / '480p',
        binary=True,
    )
    print(conversion.summary(path))
    place(images, args.out / 'davis', args.copy)
    if args.mot17:
        path = args.out / 'mot17_train.json'
        sequences = args.mot17 / 'train'
        conversion = conv.convert_mot_challenge(sequences, path, split='')
        print(conversion.summary(str(path)))
        place(sequences, args.out / 'mot17', args.copy)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, convert, argv)


if __name__ == '__main__':
    sys.exit(main())
