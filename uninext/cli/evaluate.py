"""``uninext eval``: a ground truth and result files enter; a benchmark's figures leave.

No model is needed: any tool may have written the results.
"""

from __future__ import annotations

import argparse
import json
from functools import partial

from uninext.cli.common import run_tool, user_errors

DESCRIPTION = "Judge result files against ground truth: a benchmark's figures as JSON."
EXAMPLES = """\
examples:
  uninext eval coco --gt instances_val2017.json --pred coco_results.json
  uninext eval ytvis --gt valid.json --pred results.json
  uninext eval mot --gt MOT17/train --pred tracks

docs/evaluation.md says what the files of each format look like.
"""
# For --help and TAB, which may import nothing heavy; a test compares it with
# uninext.evaluation.result_files.FORMATS.
FORMATS = (
    'coco',
    'refexp',
    'sot',
    'davis',
    'ytvis',
    'mot',
    'bdd-mot',
    'bdd-mots',
    'bdd-det',
    'bdd-insseg',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of judging result files.

    Args:
        parser: The parser to add to.
    """
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    action = parser.add_argument(
        'format', type=_format, metavar='FORMAT', help=', '.join(FORMATS)
    )
    action.completer = lambda **_: FORMATS  # argcomplete's
    parser.add_argument('--gt', required=True, metavar='PATH', help='ground truth')
    parser.add_argument('--pred', required=True, metavar='PATH', help='results')


def _format(text: str) -> str:
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(
            f'unknown format {text!r}: choose from {", ".join(FORMATS)}'
        )
    return text


def run(args: argparse.Namespace) -> int:
    """Print the figures.

    Args:
        args: Parsed arguments of :func:`add_arguments`.

    Returns:
        0; errors of the user leave with status 2.
    """
    with user_errors():
        from uninext.evaluation import result_files

        figures = result_files.FORMATS[args.format](args.gt, args.pred)
        print(json.dumps(figures, indent=2))
    return 0


main = partial(run_tool, DESCRIPTION, add_arguments, run)  # the script
