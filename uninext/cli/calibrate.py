"""``uninext calibrate``: thresholds for a wanted rate of false alarms."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from uninext.apis.calibration import KindScores
    from uninext.apis.labelled_images import LabelledImage

DESCRIPTION = 'Find score thresholds for a wanted rate of false alarms, and store them.'
EXAMPLES = """\
examples:
  uninext calibrate work_dirs/mine/iter_2000.pth --data photos --false-alarms 0.05
  uninext calibrate uninext_tiny --data data/shapes --false-alarms 0.05 \\
      --out mine.safetensors

--data is a folder as of `uninext train --data`; its validation part is asked, else all.
A false alarm is an instance of what is not there: of categories that an image has no
annotation of (or lists in neg_category_ids, as in LVIS), all asked at once; or of an
expression of annotations/absent_*.json. The rate is that of instances a prompt.
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
    parser.add_argument(
        '--false-alarms',
        required=True,
        type=float,
        metavar='RATE',
        help='instances a prompt for what is not there, at most; 0.05: one in 20',
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
    if not 0 <= args.false_alarms < math.inf:
        raise ValueError(
            f'--false-alarms must be 0 or more, got {args.false_alarms:g}.'
        )
    if args.limit is not None and args.limit < 1:
        raise ValueError(f'--limit must be at least 1, got {args.limit}.')
    from uninext.apis import UninextInferencer
    from uninext.apis.calibration import held_out_alarms, score_kinds
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
    halves = [score_kinds(find, half) for half in (images[::2], images[1::2])]
    kinds = {kind: scores + halves[1][kind] for kind, scores in halves[0].items()}
    before = all_thresholds(None, find.thresholds)
    after = {
        kind: scores.threshold(args.false_alarms)
        for kind, scores in kinds.items()
        if scores.num_absent
    }
    held_out = {
        kind: held_out_alarms(*(half[kind] for half in halves), args.false_alarms)
        for kind in after
    }
    print('\n'.join(table(kinds, before, after, held_out)))
    if not after:
        raise ValueError(
            f'{args.data} has nothing that is not there: every image shows every '
            'category, and there is no absent_*.json with absent_expressions.'
        )
    store_thresholds(weights, target, after)
    print(f'stored in {target}')


def table(
    kinds: Mapping[str, KindScores],
    before: Mapping[str, float],
    after: Mapping[str, float],
    held_out: Mapping[str, float],
) -> Sequence[str]:
    """What was asked, and what thresholds change, for people."""
    lines = [
        'kind        not there  there  threshold       false alarms    held out  found'
    ]
    for kind, scores in kinds.items():
        counts = f'{kind:<11} {scores.num_absent:>9} {len(scores.present):>6}'
        if kind not in after:
            lines.append(f'{counts}  stays {before[kind]:.3f}')
            continue
        both = before[kind], after[kind]
        thresholds, alarms, found = (
            ' -> '.join(f'{value:.3f}' for value in values)
            for values in (
                both,
                map(scores.false_alarms, both),
                map(scores.found, both),
            )
        )
        changes = f'{thresholds:<14}  {alarms:<14}  {held_out[kind]:<8.3f}  {found}'
        lines.append(f'{counts}  {changes}')
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
