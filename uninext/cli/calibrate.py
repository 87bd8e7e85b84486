"""``uninext calibrate``: thresholds for a rate of false alarms, or for the best F1."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from uninext.apis.calibration import Calibrated
    from uninext.apis.labelled_images import LabelledImage

DESCRIPTION = (
    'Find score thresholds for a wanted rate of false alarms, or for the best F1, and '
    'store them.'
)
EXAMPLES = """\
examples:
  uninext calibrate work_dirs/mine/iter_2000.pth --data photos --false-alarms 0.05
  uninext calibrate uninext_tiny --data data/shapes --best-f1 --out mine.safetensors

--data is a folder as of `uninext train --data`; its validation part is asked, else all.
A false alarm is an instance of what is not there: of categories that an image has no
annotation of (or lists in neg_category_ids, as in LVIS), all asked at once; or of an
expression of annotations/absent_*.json. The rate is that of instances a prompt. For F1
a second box of an object is wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='name of a model, config file, or checkpoint that knows its config',
    )
    parser.add_argument('--checkpoint', metavar='FILE', help='weights for a config')
    parser.add_argument(
        '--data', required=True, type=Path, metavar='DIR', help='labelled images'
    )
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument(
        '--false-alarms',
        type=float,
        metavar='RATE',
        help='instances a prompt for what is not there, at most; 0.05: one in 20',
    )
    wanted.add_argument(
        '--best-f1',
        action='store_true',
        help='of objects found, and instances that are right',
    )
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE',
        help='write the checkpoint there; default: into its own file',
    )
    parser.add_argument(
        '--limit', type=int, metavar='N', help='ask the first so many images'
    )
    parser.add_argument(
        '--device', default='auto', help="'cpu', 'cuda', ...; default %(default)s"
    )


def run(args: argparse.Namespace) -> None:
    """Find the thresholds, print a table, store them."""
    rate = args.false_alarms
    if rate is not None and not 0 <= rate < math.inf:
        raise ValueError(f'--false-alarms must be 0 or more, got {rate:g}.')
    if args.limit is not None and args.limit < 1:
        raise ValueError(f'--limit must be at least 1, got {args.limit}.')
    from uninext.apis import UninextInferencer
    from uninext.apis.calibration import calibrate
    from uninext.apis.thresholds import all_thresholds
    from uninext.checkpoint.thresholds import store_thresholds
    from uninext.model_zoo import MODEL_ZOO, resolve_model

    _, weights = resolve_model(args.model, args.checkpoint)
    target = args.out or weights
    if target.resolve() in {m.checkpoint.resolve() for m in MODEL_ZOO.values()}:
        raise ValueError(
            f'{weights} belongs to the package and is left as it is: give --out FILE.'
        )
    images = _labelled(args.data)[: args.limit]
    find = UninextInferencer(args.model, args.checkpoint, args.device)
    rows = calibrate(find, images, rate)
    print('\n'.join(table(rows, all_thresholds(None, find.thresholds))))
    after = {k: r.threshold for k, r in rows.items() if r.threshold is not None}
    if not after:
        raise ValueError(
            f'{args.data} has nothing that is not there: every image shows every '
            'category, and there is no absent_*.json with absent_expressions.'
            if rate is not None
            else f'Nothing of what {args.data} shows was found, or nothing else.'
        )
    store_thresholds(weights, target, after)
    print(f'stored in {target}')


def table(rows: Mapping[str, Calibrated], before: Mapping[str, float]) -> Sequence[str]:
    """What was asked, and what thresholds change, for people."""
    heads = 'threshold', 'false alarms', 'found', 'F1'
    lines = [
        'kind        not there  there  '
        + ''.join(f'{head:<16}' for head in heads)
        + 'held out'
    ]
    for kind, (scores, threshold, held_out) in rows.items():
        counts = f'{kind:<11} {scores.num_absent:>9} {len(scores.present):>6}  '
        if threshold is None:
            lines.append(f'{counts}stays {before[kind]:.3f}')
            continue
        both = before[kind], threshold
        measured = (
            both,
            *(map(f, both) for f in (scores.false_alarms, scores.found, scores.f1)),
        )
        cells = (' -> '.join(f'{value:.3f}' for value in values) for values in measured)
        lines.append(counts + ''.join(f'{c:<16}' for c in cells) + f'{held_out:.3f}')
    lines.append(
        f'target      stays {before["target"]:.3f}: images show no target that is away'
    )
    return lines


def _labelled(root: Path) -> list[LabelledImage]:
    """Images of the validation part, or of the only one."""
    from uninext.apis.labelled_images import read_labelled_images
    from uninext.fine_tuning.folder import find_coco_folder, find_images
    from uninext.formats.coco import checked_coco, read_annotations

    found = find_coco_folder(root)
    ann_file, *refs = found.val or found.train
    split = ann_file.stem.removeprefix('instances')
    absent = ann_file.with_name(f'absent{split}.json')
    content = checked_coco(read_annotations(str(ann_file)), str(ann_file))
    names = [image['file_name'] for image in content['images']]
    return read_labelled_images(
        ann_file,
        find_images(root.resolve(), ann_file, names),
        refs[0] if refs else None,
        absent if absent.is_file() else None,
    )
