"""``uninext label``: files of labelling tools from what a model finds."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    add_model_options,
    names_of,
    speed_of,
)
from uninext.cli.interruption import Interruption
from uninext.cli.predict_prompts import add_texts
from uninext.utils.defaults import ACCEPT_THRESHOLD, SCORE_THRESHOLD

if TYPE_CHECKING:
    from uninext.labelling import Bands, Labelled

DESCRIPTION = 'Label images and videos: files of labelling tools, and a review page.'
EXAMPLES = """\
examples:
  labels to train YOLO on, of all images of a folder:
    uninext label photos --categories 'person, dog' --to yolo --out labels
  go on after it was interrupted, or killed: the same command
  the same predictions for another tool, with other thresholds: no network runs
    uninext label photos --categories 'person, dog' --to cvat --out labels --accept 0.7
  tracks to correct in Label Studio:
    uninext label street.mp4 --categories car --to label-studio --out cars

An image or video is accepted if all its objects are; else it is to be reviewed. Files
are written to OUT/TO/accept and OUT/TO/review; OUT/review.html shows both.
"""
DEFAULT_OUT = Path('labels')
# For --help, which may import nothing heavy; tests compare it with LAYOUTS.
TO = {
    'coco': 'labels.json in COCO format; frames are images',
    'yolo': 'data.yaml, labels/IMAGE.txt, images/; frames are images',
    'labelme': 'IMAGE.json; frames are images',
    'cvat': 'images.xml (CVAT for images 1.1), NAME.xml of a video (for video 1.1)',
    'label-studio': 'images.json, videos.json, to import; .xml, the interface',
    'ytvis': 'labels.json as of YouTube-VIS; of videos',
    'mot': 'NAME/gt/gt.txt and seqinfo.ini as of MOTChallenge; of videos',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of labelling."""
    kinds = '\n'.join(f'  {name:<12} {text}' for name, text in TO.items())
    parser.epilog = f'what --to writes:\n{kinds}\n\n{EXAMPLES}'
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        'source',
        nargs='+',
        metavar='SOURCE',
        help='image, video, folder of both, quoted pattern ("photos/**/*.jpg"), or a '
        '.txt file with one of these a line',
    )
    group = parser.add_argument_group('what to look for (at least one)')
    add_texts(group)
    group = parser.add_argument_group('with which model')
    add_model_options(group)
    group.add_argument(
        '--batch-size',
        type=int,
        default=1,
        metavar='N',
        help='images of one size that go through the network together; changes no '
        'result; default %(default)s',
    )
    group.add_argument(
        '--as-video', action='store_true', help='track through the images of a folder'
    )
    _add_output(parser.add_argument_group('what to write'))


def _add_output(group: Any) -> None:
    group.add_argument(
        '--to', choices=TO, default='coco', help='layout; default %(default)s'
    )
    group.add_argument(
        '--out',
        type=Path,
        default=DEFAULT_OUT,
        metavar='DIR',
        help='folder; one of an earlier run with the same prompts and model goes on; '
        'default %(default)s',
    )
    group.add_argument(
        '--accept',
        type=float,
        metavar='S',
        help='score from which on a prediction is accepted; default: by the '
        'thresholds that `uninext calibrate` stored with the checkpoint, 2/7 of the '
        f'way from that of --review to 1; else {ACCEPT_THRESHOLD:g}',
    )
    group.add_argument(
        '--review',
        type=float,
        metavar='S',
        help='score from which on it is kept for review; below, it is dropped; '
        'default: the threshold that `uninext calibrate` stored with the checkpoint, '
        f'the higher one of categories and expressions; else {SCORE_THRESHOLD:g}',
    )
    group.add_argument(
        '--boxes', action='store_true', help='boxes only, also where there are masks'
    )
    group.add_argument(
        '--quiet', action='store_true', help='no progress bar and no summary'
    )


def run(args: argparse.Namespace) -> int:
    """Label as the arguments say.

    Returns:
        0; 3 if a part of the sources could not be used; 130 after Ctrl-C.
    """
    if not (args.categories or args.expression):
        raise ValueError(
            "Nothing to look for. Give --categories 'person, car' or --expression 'the "
            "man in red'; both may be mixed."
        )
    if args.batch_size < 1:
        raise ValueError(f'--batch-size must be at least 1, got {args.batch_size}.')
    from uninext.apis import UninextInferencer
    from uninext.cli.predict_report import Problems
    from uninext.labelling import label

    bands = _bands_of(args)
    prompts = dict(
        categories=names_of(args.categories),
        expression=args.expression,
        exclude=names_of(args.exclude),
        exclude_expression=args.exclude_expression,
    )
    with Problems(ends_with_job=False, is_strict=False) as problems:
        speed = speed_of(args)

        @functools.cache  # not built where everything was predicted before
        def built() -> UninextInferencer:
            return UninextInferencer(args.model, args.checkpoint, args.device, **speed)

        with Interruption() as stop:
            labelled = label(
                lambda *given, **more: built()(*given, **more),
                args.source,
                args.out,
                args.to,
                **prompts,
                bands=bands,
                boxes_only=args.boxes,
                model=_model_of(args, speed),
                as_video=args.as_video,
                batch_size=args.batch_size,
                stopped=lambda: stop.wanted,
                progress=False if args.quiet else None,
            )
    if not args.quiet:
        print('\n'.join([*summary(labelled, bands), *problems.lines()]))
    if stop.came:
        return EXIT_INTERRUPTED
    return EXIT_INCOMPLETE if labelled.num_left else 0


def summary(labelled: Labelled, bands: Bands) -> list[str]:
    """Lines for people: what is in which band, and where it is."""
    before = sum(labelled.units.values()) - labelled.num_predicted
    lines = [f'predicted {labelled.num_predicted}, {before} were there before']
    if labelled.num_left:
        lines[0] += f', {labelled.num_left} left: the same command goes on'
    ranges = f'from {bands.accept:g}', f'{bands.review:g} to {bands.accept:g}'
    for (band, found), scores in zip(labelled.found.items(), ranges):
        counts = ', '.join(f'{n} x {label}' for label, n in found.most_common())
        number, folder = labelled.units[band], labelled.written.get(band)
        where = f'; {folder}' if folder else ''
        lines.append(f'{band} ({scores}): {number}, {counts or "nothing"}{where}')
    lines.append(f'to look through: {labelled.out / "review.html"}')
    lines.append(f'file names start from {labelled.root}')
    return lines


def _bands_of(args: argparse.Namespace) -> Bands:
    """What is given, else as the checkpoint says; no model is built."""
    from uninext.apis.networks import stored_thresholds
    from uninext.labelling.bands import Bands, asked_kinds

    stored = stored_thresholds(args.model, args.checkpoint)
    kinds = asked_kinds(args.categories, args.expression)
    return Bands.of_model(stored, kinds, args.accept, args.review)


def _model_of(args: argparse.Namespace, speed: dict[str, Any]) -> str:
    """What tells this model from others, for people too."""
    from uninext.apis.networks import model_stamp

    named = args.model or args.checkpoint or 'uninext_tiny'
    changes = [f'{key}={value}' for key, value in sorted(speed.items())]
    return ' '.join([named, model_stamp(args.model, args.checkpoint)[:16], *changes])
