"""``uninext eval``: a benchmark's metrics of files of results.

No model is needed: any tool may have written the results.
"""

from __future__ import annotations

import argparse
import inspect
import json
from functools import partial

from uninext.cli.common import names_of, run_tool

DESCRIPTION = "Evaluate result files: a benchmark's metrics as JSON."
EXAMPLES = """\
examples:
  uninext eval coco --gt instances_val2017.json --pred coco_results.json
  uninext eval coco --gt val.json --pred r.json --max-dets 1 10 300 --categories cat
  uninext eval ytvis --gt valid.json --pred results.json
  uninext eval davis --gt Annotations --pred masks --frames all
  uninext eval mot --gt MOT17/train --pred tracks
  uninext eval mots --gt gt --pred tracks --protocol plain

docs/evaluation.md says what the files of each format look like.
"""
# For --help and TAB, which may import nothing heavy; a test compares it with
# uninext.evaluation.result_files.FORMATS.
FORMATS = (
    *('coco', 'refexp', 'sot', 'davis', 'ytvos', 'rvos', 'ytvis', 'mot', 'mots'),
    *('bdd-mot', 'bdd-mots', 'bdd-det', 'bdd-insseg'),
)
OPTIONS = ('max_dets', 'categories', 'frames', 'protocol', 'single_precision')
OPTIONS += ('false_alarm_thr',)
FRAMES = ('inner', 'after_first', 'all')
PROTOCOLS = ('plain', 'mot15', 'mot17', 'mot20', 'mots')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of evaluating result files."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    action = parser.add_argument(
        'format', type=_format, metavar='FORMAT', help=', '.join(FORMATS)
    )
    action.completer = lambda **_: FORMATS  # argcomplete's
    parser.add_argument('--gt', required=True, metavar='PATH', help='ground truth')
    parser.add_argument('--pred', required=True, metavar='PATH', help='results')
    parser.add_argument(
        '--max-dets',
        nargs='+',
        type=int,
        metavar='N',
        help='coco, ytvis: how many results count for an image (video) and category; '
        'default 1 10 100, of which AP takes the last',
    )
    parser.add_argument(
        '--categories',
        action='append',
        metavar='NAMES',
        help='coco, ytvis: names, separated by commas, of those that count; may be '
        'repeated; default all',
    )
    parser.add_argument(
        '--false-alarm-thr',
        type=float,
        metavar='S',
        help='coco: count results with this score or more, of categories that an image '
        'does not show',
    )
    parser.add_argument(
        '--frames',
        choices=FRAMES,
        help='davis: which frames count; default inner, all but the first and the last',
    )
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        help='mot, mots: what of the tracks counts; default: the protocol that the '
        'ground truth follows',
    )
    parser.add_argument(
        '--single-precision',
        action='store_const',
        const=True,
        help="bdd-mot: boxes rounded to 32 bits, as when the toolkit's numbers were "
        'published; today it computes in 64',
    )


def _format(text: str) -> str:
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(
            f'unknown format {text!r}: choose from {", ".join(FORMATS)}'
        )
    return text


def run(args: argparse.Namespace) -> None:
    """Print the metrics."""
    from uninext.evaluation import result_files

    evaluate = result_files.FORMATS[args.format]
    given = {key: getattr(args, key) for key in OPTIONS}
    given['categories'] = names_of(args.categories)
    options = {key: value for key, value in given.items() if value is not None}
    known = inspect.signature(evaluate).parameters
    for key in options:
        if key not in known:
            name = key.replace('_', '-')
            raise ValueError(f'{args.format} has no option --{name}; see --help.')
    metrics = evaluate(args.gt, args.pred, **options)
    print(json.dumps(metrics, indent=2))


main = partial(run_tool, DESCRIPTION, add_arguments, run)  # the script
