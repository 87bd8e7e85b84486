"""Evaluate one checkpoint on all ten tasks of the held-out Shapes suite.

Prints the table of tasks, metrics, what is asked and what was measured, and writes it
to WORK_DIR/ten_tasks.md and, for programs, WORK_DIR/ten_tasks.json; a second table, of
relations, of what is not there and of targets that another frame shows, to
WORK_DIR/beyond_tasks.{md,json}. With --show-dir, also an image a task of the best, the
median and the worst prediction, and a video of all tasks; with --page, the page of the
documentation that shows them. Exit status: 0 whatever was measured, 2 if something is
absent.

Example:
    python tools/analysis_tools/ten_tasks.py work_dirs/stage3_video_shapes/iter_2400.pth
    python tools/analysis_tools/ten_tasks.py CHECKPOINT --num-videos 4 --num-images 20
    python tools/analysis_tools/ten_tasks.py CHECKPOINT --num-expressions 1 \
        --show-dir docs/assets/ten_tasks --page docs/ten_tasks.md
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from functools import partial
from pathlib import Path

from uninext.cli.common import parse_options, run_tool

ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'checkpoint',
        help='weights of stage3_video_shapes.py, or the folder of uninext export',
    )
    for name, what in (
        ('--num-videos', 'first N videos'),
        ('--num-images', 'first N images'),
        ('--num-expressions', 'first N expressions of each object'),
    ):
        parser.add_argument(name, type=int, metavar='N', help=f'{what} (default: all)')
    parser.add_argument(
        '--configs',
        default=ROOT / 'configs/uninext/eval',
        help='folder of {od,rec,sot,vos,mot,mots,vis,rvos}_shapes.py',
    )
    parser.add_argument('--work-dir', default='work_dirs/ten_tasks', help='of the logs')
    parser.add_argument(
        '--show-dir', metavar='DIR', help='draw the best, median and worst predictions'
    )
    parser.add_argument(
        '--page', metavar='FILE', help='write the page of the documentation'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', metavar='KEY=VALUE', help='override in all configs'
    )


def run(args: argparse.Namespace) -> None:
    """Measure, print, write; what is written stays, however the rest ends."""
    if args.page and not args.show_dir:
        raise ValueError('--page shows images: give their folder with --show-dir DIR.')
    from uninext.apis import UninextInferencer
    from uninext.shapes.report import ten_task_images as drawing
    from uninext.shapes.report.beyond_tasks import (
        beyond_tasks_table,
        measure_beyond_tasks,
        write_beyond_tasks,
    )
    from uninext.shapes.report.shown_targets import measure_shown_targets
    from uninext.shapes.report.ten_tasks import (
        load_task_configs,
        measure_ten_tasks,
        split_of,
        ten_tasks_table,
        write_ten_tasks,
    )
    from uninext.utils.config_files import change_config

    album, rows = drawing.SceneAlbum(), []
    configs = load_task_configs(args.configs)
    for cfg in configs.values():
        change_config(cfg, parse_options(args.cfg_options))
    for row in measure_ten_tasks(
        configs,
        args.checkpoint,
        args.work_dir,
        args.num_videos,
        args.num_images,
        num_expressions=args.num_expressions,
        hooks_of=album.hooks_of if args.show_dir else None,
    ):
        rows.append(row)
        write_ten_tasks(args.work_dir, rows, args.checkpoint)
    print(ten_tasks_table(rows))
    asked = [configs['rec'], args.checkpoint]
    if Path(args.checkpoint).is_dir():  # exported: it knows its config
        asked = [args.checkpoint]
    find = UninextInferencer(*asked)
    root = configs['rec'].test_dataloader.dataset.data_root
    split, videos = split_of(configs['sot']), args.num_videos
    beyond = [
        *measure_beyond_tasks(find, root, num_images=args.num_images),
        *measure_shown_targets(find, root, split, videos),
    ]
    write_beyond_tasks(args.work_dir, beyond)
    print(f'\n{beyond_tasks_table(beyond)}')
    if args.show_dir:
        picked = album.pick()
        drawing.write_task_pages(args.show_dir, picked)
        drawing.write_task_video(Path(args.show_dir) / drawing.VIDEO_NAME, picked)
    if args.page:
        page = Path(args.page).resolve()
        folder = Path(os.path.relpath(Path(args.show_dir).resolve(), page.parent))
        command = 'python tools/analysis_tools/ten_tasks.py '
        command += shlex.join(sys.argv[1:])
        text = drawing.ten_tasks_page(rows, beyond, picked, folder.as_posix(), command)
        page.write_text(text, encoding='utf-8')


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
