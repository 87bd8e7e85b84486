"""Convert RefCOCO, RefCOCO+ and RefCOCOg from the REFER download.

Reads ROOT/{refcoco,refcoco+,refcocog}/{instances.json,refs(...).p}; writes
OUT/<set>/instances_<split>.json, one record per referred object, for ReferringDataset.

Example:
    python tools/dataset_converters/refcoco.py downloads/refer data/coco/annotations \
        --mix
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from uninext.cli.common import run_tool

SET_NAMES = ('refcoco-unc', 'refcocoplus-unc', 'refcocog-umd', 'refcocog-google')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('root', type=Path, help='folder of the REFER download')
    parser.add_argument('out', type=Path, help='folder for the converted files')
    parser.add_argument(
        '--sets', nargs='+', choices=SET_NAMES, help='default: all that are present'
    )
    parser.add_argument(
        '--mix',
        action='store_true',
        help='also write refcoco-mixed/instances_train.json: the train splits of '
        'refcoco, refcoco+ and refcocog (umd) merged, without images of their val '
        'and test splits',
    )
    parser.add_argument(
        '--keep-leaks',
        action='store_true',
        help='with --mix: keep images of val and test splits, as the published '
        'training did',
    )
    parser.add_argument(
        '--keep-duplicates',
        action='store_true',
        help='with --mix: keep an object of several sets as several records, as the '
        'published training did',
    )


def convert(args: argparse.Namespace) -> None:
    """Convert what the command line asks for."""
    from uninext import converters as conv
    from uninext.formats.errors import DatasetError

    chosen = [s for s in conv.REFER_SETS if s.name in (args.sets or SET_NAMES)]
    if args.mix:
        lacking = [s.name for s in conv.REFER_SETS if s.in_mix and s not in chosen]
        if lacking:
            raise DatasetError(f'--mix needs all its sets; add {lacking} to --sets.')
    if not args.sets:
        present = [s for s in chosen if (args.root / s.folder / s.refs_file).is_file()]
        absent = [s for s in chosen if s not in present and (args.mix and s.in_mix)]
        if absent or not present:
            first = (absent or chosen)[0]
            raise DatasetError(
                f'{args.root / first.folder / first.refs_file} does not exist. '
                'Expected the REFER download: refcoco/, refcoco+/ and refcocog/, '
                'each with instances.json and refs(...).p.'
            )
        chosen = present
    to_mix = []
    for refer_set in chosen:
        splits = conv.convert_refer(args.root, refer_set)
        for split, conversion in splits.items():
            path = args.out / refer_set.name / f'instances_{split}.json'
            conv.write_json(conv.to_coco(conversion), path)
            print(conversion.summary(str(path)))
        if refer_set.in_mix:
            to_mix.append(splits)
    if args.mix:
        mixed = conv.mix_train_splits(to_mix, args.keep_leaks, args.keep_duplicates)
        path = args.out / conv.MIXED_NAME / 'instances_train.json'
        conv.write_json(conv.to_coco(mixed), path)
        print(mixed.summary(str(path)))


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    return run_tool(__doc__, add_arguments, convert, argv)


if __name__ == '__main__':
    sys.exit(main())
