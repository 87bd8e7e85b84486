r"""Which categories are taken for which: table, and image if asked for.

Reads a COCO annotation file and results on it, e.g. of `uninext predict --save coco`
or of tools/test.py with test_evaluator.outfile_prefix.

Example:
    python tools/analysis_tools/confusion_matrix.py \
        --gt data/shapes/annotations/instances_val.json --pred found.bbox.json \
        --score-thr 0.3 --iou-thr 0.5 --out confusion.png
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from uninext.cli.common import run_tool
from uninext.utils.defaults import SCORE_THRESHOLD


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('--gt', required=True, metavar='PATH', help='ground truth')
    parser.add_argument('--pred', required=True, metavar='PATH', help='results')
    parser.add_argument(
        '--by', choices=['bbox', 'segm'], default='bbox', help='overlap of what'
    )
    parser.add_argument(
        '--iou-thr', type=float, default=0.5, help='smallest overlap of a pair'
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=SCORE_THRESHOLD,
        help='predictions below are left out',
    )
    parser.add_argument('--out', help='image to write: .png, .svg, .pdf or .jpg')
    parser.add_argument(
        '--most', type=int, default=10, metavar='N', help='confusions in the table'
    )


def run(args: argparse.Namespace) -> None:
    """Count, print, draw."""
    from uninext.evaluation.result_files.confusion import coco_confusion

    confusion = coco_confusion(
        args.gt, args.pred, args.by, args.iou_thr, args.score_thr
    )
    print(confusion.table(args.most))
    if args.out:
        from uninext.visualization.confusion_plot import draw_confusion

        title = f'score >= {args.score_thr:g}, IoU ({args.by}) >= {args.iou_thr:g}'
        print(draw_confusion(confusion.counts, confusion.names, args.out, title))


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
