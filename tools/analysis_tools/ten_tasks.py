"""Evaluate one checkpoint on all ten tasks of the held-out Shapes suite.

Prints the table of tasks, figures, what is asked and what was measured, and writes it
to WORK_DIR/ten_tasks.md and, for programs, WORK_DIR/ten_tasks.json. Exit status: 0
whatever was measured, 2 if something is absent.

Example:
    python tools/analysis_tools/ten_tasks.py work_dirs/stage3_video_shapes/iter_4000.pth
    python tools/analysis_tools/ten_tasks.py CHECKPOINT --num-videos 4 --num-pictures 20
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXIT_USER_ERROR = 2


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', help='weights of stage3_video_shapes.py')
    parser.add_argument(
        '--num-videos', type=int, metavar='N', help='first N videos (default: all)'
    )
    parser.add_argument(
        '--num-pictures', type=int, metavar='N', help='first N pictures (default: all)'
    )
    parser.add_argument(
        '--configs',
        default=ROOT / 'configs/uninext/eval',
        help='folder of {od,rec,sot,vos,mot,mots,vis,rvos}_shapes.py',
    )
    parser.add_argument('--work-dir', default='work_dirs/ten_tasks', help='of the logs')
    parser.add_argument(
        '--cfg-options', nargs='+', metavar='KEY=VALUE', help='override in all configs'
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure, print, write."""
    args = parse_args(argv)
    from uninext.apis.ten_tasks import (
        load_task_configs,
        measure_ten_tasks,
        ten_tasks_json,
        ten_tasks_table,
    )
    from uninext.cli.common import parse_options

    try:
        configs = load_task_configs(args.configs)
        for cfg in configs.values():
            cfg.merge_from_dict(parse_options(args.cfg_options))
        rows = measure_ten_tasks(
            configs, args.checkpoint, args.work_dir, args.num_videos, args.num_pictures
        )
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return EXIT_USER_ERROR
    table = ten_tasks_table(rows)
    out = Path(args.work_dir)
    (out / 'ten_tasks.md').write_text(f'{table}\n')
    (out / 'ten_tasks.json').write_text(f'{ten_tasks_json(rows, args.checkpoint)}\n')
    print(table)
    return 0


if __name__ == '__main__':
    sys.exit(main())
