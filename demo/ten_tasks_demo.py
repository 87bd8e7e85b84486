"""Ten tasks in minutes: one network on images and videos that it never saw.

Generates a small test split of the Shapes suite, evaluates the shipped checkpoint on
all ten tasks by their own configs, prints the table, and draws two examples and a
failure of each task and a video of all of them.

Example:
    python demo/ten_tasks_demo.py --out demo_output
    python demo/ten_tasks_demo.py --checkpoint CHECKPOINT --num-videos 2
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path

from uninext.cli.common import run_tool

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/uninext/eval'
# Sizes that fit the time: on two cores, two thirds of it are for the video tasks.
NUM_IMAGES, NUM_VIDEOS, NUM_EXPRESSIONS = 12, 4, 1
SIZE_WH, NUM_FRAMES = (320, 240), 16  # as in training
SCENE, VIDEO_FPS = 5, 8  # the README asks this image for its small red star


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('--out', default='demo_output', help='folder of the results')
    parser.add_argument(
        '--checkpoint',
        metavar='FILE',
        help='weights of stage3_video_shapes.py (default: those that are shipped)',
    )
    for name, default, what in (
        ('--num-images', NUM_IMAGES, 'images to evaluate on'),
        ('--num-videos', NUM_VIDEOS, 'videos to evaluate on; crowds: half as many'),
        ('--seed', 0, 'of the generated scenes; 0 is the world of the training'),
    ):
        text = f'{what} (default: {default})'
        parser.add_argument(name, type=int, default=default, metavar='N', help=text)


def run(args: argparse.Namespace) -> None:
    """Generate, evaluate, draw, and say what to look at."""
    out, start = Path(args.out), time.perf_counter()
    if args.checkpoint and not Path(args.checkpoint).is_file():
        from uninext.utils.files import FileError

        raise FileError(f'There is no checkpoint {args.checkpoint!r}.')
    print(f'[1/3] Generating scenes in {out}/shapes', flush=True)
    from uninext import apis  # first: it keeps mmdet from printing what it lacks
    from uninext.shapes import generate_suite
    from uninext.shapes.report import ten_task_images, ten_tasks

    model = args.checkpoint or apis.UninextInferencer().model
    generate_suite(
        out / 'shapes',
        (1, 1, args.num_images),
        (0, 0, args.num_videos),
        SIZE_WH,
        NUM_FRAMES,
        args.seed,
        report=lambda _: None,
    )
    _leave_to_ask(out)
    configs = ten_tasks.load_task_configs(CONFIGS)
    configs = ten_tasks.point_at_shapes(configs, out / 'shapes', 'test')
    seconds = time.perf_counter() - start
    print(f'[2/3] Evaluating all tasks on the test split (after {seconds:.0f} s; takes')
    print('      about two minutes on two cores)', flush=True)
    album = ten_task_images.SceneAlbum()
    measured = ten_tasks.measure_ten_tasks(
        configs,
        model,
        out / 'logs',
        num_expressions=NUM_EXPRESSIONS,
        report=lambda line: print(f'      {line}', flush=True),
        hooks_of=album.hooks_of,
    )
    rows = []
    for row in measured:  # what is written stays, however the rest ends
        rows.append(row)
        ten_tasks.write_ten_tasks(out, rows, args.checkpoint or 'shipped')
    print('[3/3] Drawing', flush=True)
    picked = album.pick()
    ten_task_images.write_task_pages(out / 'images', picked)
    ten_task_images.write_task_video(out / ten_task_images.VIDEO_NAME, picked)
    print(f'\n{ten_tasks.ten_tasks_table(rows)}\n')
    _say_what_next(out)
    print(f'Done in {(time.perf_counter() - start) / 60:.1f} minutes.')


def _leave_to_ask(out: Path) -> None:
    """An image and a video of the test split where the README's lines find them."""
    import mmcv

    from uninext.utils.video_writer import VideoWriter

    images = sorted((out / 'shapes/test').glob('*.jpg'))
    shutil.copy(images[min(SCENE, len(images) - 1)], out / 'scene.jpg')
    with VideoWriter(out / 'video.mp4', VIDEO_FPS) as video:
        for frame in sorted((out / 'shapes/videos/test/scene_00000').glob('*.jpg')):
            video.write(mmcv.imread(frame))


def _say_what_next(out: Path) -> None:
    command = os.path.relpath(Path(sys.executable).parent / 'uninext')
    print(f'Look at   {out}/ten_tasks.mp4')
    print(f'          {out}/images: best, median and worst prediction of each task')
    print('Go on with')
    print(f"  {command} predict {out}/scene.jpg --categories 'star, ring'")
    print(f'  {command} predict {out}/video.mp4 --categories circle')
    print(f'  {command} demo                 # the same in a browser')
    print('  make demo DATA=my_folder      # train on your own folder, minutes')


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
