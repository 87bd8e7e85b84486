"""Memory of a session over many frames of a generated video with many objects.

Several generated scenes of five objects lie beside each other and repeat, so that
objects are lost and found all the time. Prints what the process and the session hold,
and how much the process grows in 1000 frames; writes OUT.json and the plot OUT.

Examples:
    python tools/analysis_tools/session_memory.py --frames 200
    python tools/analysis_tools/session_memory.py --frames 10000 --objects 20 \
        --every 50 --out docs/assets/session_memory.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uninext.cli.common import add_model_options, run_tool, speed_of

if TYPE_CHECKING:
    import numpy as np

OBJECTS = 5  # of a scene
CLIP = 120  # frames, after which the scenes repeat


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_model_options(parser)
    for name, default, what in (
        ('frames', 10000, 'of the video'),
        ('objects', 20, f'in it, rounded up to a multiple of {OBJECTS}'),
        ('every', 100, 'frames between two looks at the memory'),
    ):
        parser.add_argument(
            f'--{name}', type=int, default=default, metavar='N', help=f'{what}; '
            'default %(default)s',
        )  # fmt: skip
    parser.add_argument(
        '--scene',
        nargs=2,
        type=int,
        default=(320, 240),
        metavar=('WIDTH', 'HEIGHT'),
        help='pixels of one scene; default 320 240',
    )
    parser.add_argument('--max-objects', type=int, metavar='N', help='of the session')
    parser.add_argument('--keep-lost', type=int, metavar='N', help='of the session')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/session_memory.png'),
        metavar='FILE',
        help='.png, .svg, .pdf or .jpg; default %(default)s',
    )


def run(args: argparse.Namespace) -> None:
    """Step, print, draw."""
    from uninext.analysis import session_memory as memory
    from uninext.apis import open_session
    from uninext.formats.json_file import write_json
    from uninext.shapes.vocabulary import CATEGORIES
    from uninext.utils.counts import check_count
    from uninext.utils.figures import figure_path

    for name in ('frames', 'objects', 'every'):
        check_count(getattr(args, name), f'--{name}')
    figure_path(args.out)
    num_scenes = -(-args.objects // OBJECTS)
    columns = min(num_scenes, 2)
    rows = -(-num_scenes // columns)
    size = args.scene[0] * columns, args.scene[1] * rows
    limits = dict(max_objects=args.max_objects, keep_lost=args.keep_lost)
    named = args.model, args.checkpoint, size, args.device
    session = open_session(*named, **speed_of(args), **limits)
    session.add(categories=CATEGORIES)
    points = []
    for point in memory.watch_memory(
        lambda frame: len(session.step(frame).pred_instances),
        session.state_dict,
        _frames(num_scenes, columns, tuple(args.scene), args.frames),
        args.every,
    ):
        points.append(point)
        print(
            f'{point.frame} frames: process {point.resident_mb:.1f} MB, session '
            f'{point.state_kb:.1f} kB, {point.num_objects} objects'
        )
        write_json([asdict(one) for one in points], args.out.with_suffix('.json'))
    title = f'{num_scenes * OBJECTS} objects, {size[0]} x {size[1]} pixels'
    memory.draw_memory(points, args.out, title)
    print(f'the process grows by {memory.growth_mb(points):.2f} MB in 1000 frames')


def _frames(
    num_scenes: int, columns: int, size_wh: tuple[int, int], count: int
) -> Iterator[np.ndarray]:
    """Scenes beside each other, (H, W, 3) uint8 BGR; black where there is none."""
    import numpy as np

    from uninext.shapes.videos import draw_video, render

    width, height = size_wh
    scenes = [
        draw_video(np.random.default_rng(seed), size_wh, CLIP, (OBJECTS, OBJECTS))
        for seed in range(num_scenes)
    ]
    shape = (-(-num_scenes // columns) * height, columns * width, 3)
    while True:
        for parts in zip(*map(render, scenes)):
            if not count:
                return
            frame = np.zeros(shape, np.uint8)
            for i, part in enumerate(parts):
                top, left = i // columns * height, i % columns * width
                frame[top : top + height, left : left + width] = part.image[..., ::-1]
            yield frame
            count -= 1


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
