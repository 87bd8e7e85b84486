"""Cut a small set in the layout of the tiny configs out of COCO-format files.

Writes OUT/{train,val}/ (links to the images) and
OUT/annotations/{instances,refs}_{train,val}.json. Expressions are optional. With
``--overfit N``, train and val are the same N photographs: those that expressions speak
of first, then in the file's order.

Example:
    python tools/dataset_converters/coco_subset.py data/photos \
        --train coco/annotations/instances_train.json coco/train2017 \
        --val coco/annotations/instances_val.json coco/val2017 \
        --refs rec/refs_public.json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from uninext.cli.common import run_tool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('out', type=Path, help='folder to write')
    pair = dict(nargs=2, type=Path, metavar=('JSON', 'IMAGES'))
    parser.add_argument('--train', required=True, **pair)
    parser.add_argument('--val', help='default: the training photographs', **pair)
    parser.add_argument('--refs', type=Path, help='expressions, see refexp_json.py')
    parser.add_argument(
        '--overfit', type=int, default=0, help='train and val on the same N photographs'
    )


def choose(coco: dict, first_names: list[str], number: int) -> dict:
    """Keep ``number`` images, those of ``first_names`` before the others."""
    rank = {name: i for i, name in enumerate(dict.fromkeys(first_names))}
    annotated = {a['image_id'] for a in coco['annotations'] if not a.get('iscrowd')}
    images = [image for image in coco['images'] if image['id'] in annotated]
    images.sort(key=lambda image: rank.get(image['file_name'], len(rank)))
    images = images[:number]
    ids = {image['id'] for image in images}
    kept = [a for a in coco['annotations'] if a['image_id'] in ids]
    return {**coco, 'images': images, 'annotations': kept}


def run(args: argparse.Namespace) -> int:
    """Convert what the command line asks for."""
    from uninext import converters as conv

    objects = conv.convert_refexp_json(args.refs).objects if args.refs else []
    for split in ('train', 'val'):
        source = args.val if split == 'val' and args.val else args.train
        source = args.train if args.overfit else source
        coco = json.loads(source[0].read_text())
        files = {image['file_name'] for image in coco['images']}
        here = [o for o in objects if Path(o.file_name).name in files]
        if args.overfit:
            names = [Path(o.file_name).name for o in here]
            coco = choose(coco, names, args.overfit)
        files = {image['file_name'] for image in coco['images']}
        refs = conv.Conversion()
        refs.objects = [
            replace(o, file_name=Path(o.file_name).name)
            for o in here
            if Path(o.file_name).name in files
        ]
        annotations = args.out / 'annotations'
        conv.write_json(coco, annotations / f'instances_{split}.json')
        conv.write_json(conv.to_coco(refs), annotations / f'refs_{split}.json')
        _link_images(source[1], args.out / split, files)
        print(f'{split}: {len(files)} images, {len(refs.objects)} expressed objects')
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, run, argv)


def _link_images(source: Path, target: Path, names: set[str]) -> None:
    """Link the images that exist; a missing one is an error."""
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(names):
        image = (source / name).resolve(strict=True)
        link = target / name
        if not link.exists():
            link.symlink_to(image)


if __name__ == '__main__':
    sys.exit(main())
