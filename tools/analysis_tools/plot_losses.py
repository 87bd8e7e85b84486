"""Draw the losses of a run from its log: python plot_losses.py WORK_DIR OUT.png.

Left the summed loss of each source, right the losses of the last decoder layer. A run
that was resumed has several logs; they are joined by iteration.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

SOURCE_PREFIX = 'loss/'
LAST_LAYER = (
    'loss_ce',
    'loss_bbox',
    'loss_giou',
    'loss_boxiou',
    'loss_mask',
    'loss_dice',
    'loss_prj',
    'loss_pairwise',
    'loss_reid',
    'loss_reid_aux',
)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dir', type=Path, help='folder of the run')
    parser.add_argument('out', type=Path, help='picture to write')
    parser.add_argument('--title', default='', help='above the picture')
    return parser.parse_args(argv)


def read_scalars(work_dir: Path) -> dict[int, dict[str, float]]:
    """Join ``*/vis_data/scalars.json``: iteration -> {name: value}, newest log wins.

    Raises:
        FileNotFoundError: If the folder holds no log.
    """
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if not logs:
        raise FileNotFoundError(
            f'{work_dir} holds no */vis_data/scalars.json; give the work_dir of a run.'
        )
    rows: dict[int, dict[str, float]] = {}
    for log in logs:
        for line in log.read_text().splitlines():
            row = json.loads(line)
            if 'loss' in row:
                rows[row['iter']] = row
    return dict(sorted(rows.items()))


def draw(rows: dict[int, dict[str, float]], out: Path, title: str) -> None:
    """Draw the curves and save the picture."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    names = sorted({name for row in rows.values() for name in row})
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for axis, wanted in (
        (left, [n for n in names if n.startswith(SOURCE_PREFIX)] or ['loss']),
        (right, [n for n in LAST_LAYER if n in names]),
    ):
        for name in wanted:
            points = [(i, row[name]) for i, row in rows.items() if name in row]
            axis.plot(*zip(*points), label=name.removeprefix(SOURCE_PREFIX), lw=1.2)
        axis.set_yscale('log')
        axis.set_xlabel('iteration')
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    left.set_title('sum of all losses, by source', fontsize=10)
    right.set_title('last decoder layer, weighted', fontsize=10)
    figure.suptitle(title)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 0 if it did what it should, 2 with a message if not."""
    args = parse_args(argv)
    try:
        rows = read_scalars(args.work_dir)
    except FileNotFoundError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    draw(rows, args.out, args.title)
    print(f'{len(rows)} points up to iteration {max(rows)}: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
