"""Judge a result file against ground truth: prints the benchmark's figures as JSON.

Example:
    python tools/analysis_tools/eval_results.py coco --gt instances.json --pred r.json
"""

from __future__ import annotations

import argparse
import json
import sys

# Format -> function of ``(gt, pred)`` in ``uninext.evaluation.result_files``. Names, so
# that ``--help`` imports nothing heavy.
FORMATS = {
    'coco': 'evaluate_coco',
    'refexp': 'evaluate_refexp',
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('format', choices=FORMATS, help='layout of both files')
    parser.add_argument('--gt', required=True, metavar='PATH', help='ground truth')
    parser.add_argument('--pred', required=True, metavar='PATH', help='results')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the figures; 2 if a file is not what it should be."""
    args = parse_args(argv)
    from uninext.evaluation import result_files

    evaluate = getattr(result_files, FORMATS[args.format])
    try:
        figures = evaluate(args.gt, args.pred)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == '__main__':
    sys.exit(main())
