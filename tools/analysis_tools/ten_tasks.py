"""Evaluate one checkpoint on all ten tasks of the held-out Shapes suite.

Prints the table of tasks, figures, what is asked and what was measured, and writes it
to WORK_DIR/ten_tasks.md and, for programs, WORK_DIR/ten_tasks.json. With --pictures,
also a picture a task of the best, the median and the worst answer, and a video of all
tasks; with --page, the page of the documentation that shows them. Exit status: 0
whatever was measured, 2 if something is absent.

Example:
    python tools/analysis_tools/ten_tasks.py work_dirs/stage3_video_shapes/iter_2400.pth
    python tools/analysis_tools/ten_tasks.py CHECKPOINT --num-videos 4 --num-pictures 20
    python tools/analysis_tools/ten_tasks.py CHECKPOINT --num-sentences 1 \
        --pictures docs/assets/ten_tasks --page docs/ten_tasks.md
"""

from __future__ import annotations

import argparse
import os
import shlex
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
    for name, what in (
        ('--num-videos', 'first N videos'),
        ('--num-pictures', 'first N pictures'),
        ('--num-sentences', 'first N sentences of each object'),
    ):
        parser.add_argument(name, type=int, metavar='N', help=f'{what} (default: all)')
    parser.add_argument(
        '--configs',
        default=ROOT / 'configs/uninext/eval',
        help='folder of {od,rec,sot,vos,mot,mots,vis,rvos}_shapes.py',
    )
    parser.add_argument('--work-dir', default='work_dirs/ten_tasks', help='of the logs')
    parser.add_argument(
        '--pictures', metavar='DIR', help='draw the best, median and worst answers'
    )
    parser.add_argument(
        '--page', metavar='FILE', help='write the page of the documentation'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', metavar='KEY=VALUE', help='override in all configs'
    )
    args = parser.parse_args(argv)
    if args.page and not args.pictures:
        parser.error('--page shows pictures: give their folder with --pictures DIR')
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print, write."""
    args = parse_args(argv)
    from uninext.cli.common import parse_options
    from uninext.shapes.report import ten_task_pictures as drawing
    from uninext.shapes.report.ten_tasks import (
        load_task_configs,
        measure_ten_tasks,
        ten_tasks_table,
        write_ten_tasks,
    )
    from uninext.utils.config_files import change_config

    album = drawing.SceneAlbum()
    try:
        configs = load_task_configs(args.configs)
        for cfg in configs.values():
            change_config(cfg, parse_options(args.cfg_options))
        rows = measure_ten_tasks(
            configs,
            args.checkpoint,
            args.work_dir,
            args.num_videos,
            args.num_pictures,
            num_sentences=args.num_sentences,
            hooks_of=album.hooks_of if args.pictures else None,
        )
        write_ten_tasks(args.work_dir, rows, args.checkpoint)
        print(ten_tasks_table(rows))
        if args.pictures:
            picked = album.pick()
            drawing.write_task_pages(args.pictures, picked)
            drawing.write_task_video(Path(args.pictures) / drawing.VIDEO_NAME, picked)
        if args.page:
            page = Path(args.page).resolve()
            folder = Path(os.path.relpath(Path(args.pictures).resolve(), page.parent))
            command = shlex.join(['python', 'tools/analysis_tools/ten_tasks.py'])
            command += f' {shlex.join(argv if argv is not None else sys.argv[1:])}'
            text = drawing.ten_tasks_page(rows, picked, folder.as_posix(), command)
            page.write_text(text, encoding='utf-8')
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return EXIT_USER_ERROR
    return 0


if __name__ == '__main__':
    sys.exit(main())
