"""Judge a result file against ground truth: prints the benchmark's figures as JSON.

Example:
    python tools/analysis_tools/eval_results.py coco --gt instances.json --pred r.json
"""

from __future__ import annotations

import argparse
import json
import sys


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'format',
        help='coco, davis, ...: docs/evaluation.md; a wrong one lists them all',
    )
    parser.add_argument('--gt', required=True, metavar='PATH', help='ground truth')
    parser.add_argument('--pred', required=True, metavar='PATH', help='results')
    args = parser.parse_args(argv)
    # Not at the top: --help must import nothing heavy.
    from uninext.evaluation.result_files import FORMATS

    if args.format not in FORMATS:
        parser.error(
            f'unknown format {args.format!r}: choose from {", ".join(FORMATS)}'
        )
    args.evaluate = FORMATS[args.format]
    return args


def main(argv: list[str] | None = None) -> int:
    """Print the figures; 2 if a file is not what it should be."""
    args = parse_args(argv)
    try:
        figures = args.evaluate(args.gt, args.pred)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == '__main__':
    sys.exit(main())
