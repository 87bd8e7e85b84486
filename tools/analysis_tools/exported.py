"""Compare an exported model with the network that it was made from.

Both are asked the same in generated scenes of the exported size, in images and as
videos, by each kind of prompt; a row says how far boxes, scores and masks are from each
other, and how long an image or frame takes. Then size on disk, and start-up: the whole
command uninext predict on one image. Exit status: 0 if all is as close as --tolerance
says, 1 if not.

Example:
    uninext export stage3_video_shapes WEIGHTS exported
    python tools/analysis_tools/exported.py exported stage3_video_shapes WEIGHTS
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from uninext.cli.common import run_tool

if TYPE_CHECKING:
    import numpy as np

    from uninext.apis import Result, UninextInferencer

MEGABYTE = 1e6
EXIT_APART = 1


class Compared(NamedTuple):
    """What one kind of prompt found, twice.

    Attributes:
        asked: What of, for people.
        boxes: Largest difference of a box, in pixels; inf: not the same instances.
        scores: Largest difference of a score.
        pixels: Largest share of the pixels of an image in which its masks differ.
        seconds: Of an image or frame, median: of the network, of the exported model.
    """

    asked: str
    boxes: float
    scores: float
    pixels: float
    seconds: tuple[float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('folder', help='that uninext export wrote')
    parser.add_argument('model', help='config, name of a model, or file of weights')
    parser.add_argument('checkpoint', nargs='?', help='weights for a config')
    parser.add_argument(
        '--num', type=int, default=4, metavar='N', help='frames of each'
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.1,
        metavar='PIXELS',
        help='of boxes; a tenth of it in scores, a hundredth of the pixels of masks '
        '(default: %(default)g)',
    )


def run(args: argparse.Namespace) -> int:
    """Compare, print the tables."""
    from uninext.apis import UninextInferencer
    from uninext.model_zoo import resolve_model

    if args.num < 2:
        raise ValueError(f'--num must be 2 or more, got {args.num}: one warms up.')
    exported = UninextInferencer(args.folder, scale=None)
    network = UninextInferencer(args.model, args.checkpoint, 'cpu', scale=None)
    if exported.model.can_track != network.model.can_track:
        raise ValueError(f'{args.folder} was not made from {args.model}.')
    height, width = exported.model.sizes_hw[0]
    frames, asked = _frames((width, height), args.num)
    rows = []
    for name, prompt in asked.items():
        if 'box' in prompt and not network.model.can_track:
            continue
        rows.append(compared(f'images, {name}', network, exported, frames, prompt))
        if network.model.can_track:
            prompt = dict(prompt, as_video=True)
            rows.append(compared(f'video, {name}', network, exported, frames, prompt))
        print(f'{rows[-1].asked}: done', flush=True)
    print('\n' + table(rows))
    weights = resolve_model(args.model, args.checkpoint)[1]
    files = Path(args.folder).iterdir()
    sizes = weights.stat().st_size, sum(file.stat().st_size for file in files)
    eager = [args.model] + (['--checkpoint', str(weights)] if args.checkpoint else [])
    starts = [_start_up(frames[0], model) for model in (eager, [args.folder])]
    print('\n| | network | exported |\n|---|---|---|')
    print('| on disk, MB | ' + ' | '.join(f'{s / MEGABYTE:.1f}' for s in sizes) + ' |')
    print('| start-up, s | ' + ' | '.join(f'{s:.1f}' for s in starts) + ' |')
    return EXIT_APART if any(is_apart(row, args.tolerance) for row in rows) else 0


def compared(
    name: str,
    network: UninextInferencer,
    exported: UninextInferencer,
    frames: Sequence[np.ndarray],
    prompt: Mapping[str, Any],
) -> Compared:
    """Ask both for a prompt in all frames."""
    import numpy as np

    found, seconds = [], []
    for find in (network, exported):
        results, times = [], []
        started = time.perf_counter()
        for result in find(list(frames), **prompt, stream=True, progress=False):
            times.append(time.perf_counter() - started)
            results.append(result)
            started = time.perf_counter()
        found.append(results)
        seconds.append(float(np.median(times[1:])))  # the first warms up
    apart = np.array([differences(*pair) for pair in zip(*found, strict=True)])
    return Compared(name, *apart.max(0).tolist(), tuple(seconds))


def differences(one: Result, other: Result) -> tuple[float, float, float]:
    """``boxes``, ``scores`` and ``pixels`` of :class:`Compared`, of an image."""
    import numpy as np

    keys = ('labels', 'prompt_ids', 'track_ids')
    pairs = [(getattr(one, key), getattr(other, key)) for key in keys]
    if any(not np.array_equal(mine, theirs) for mine, theirs in pairs):
        return (float('inf'),) * 3
    if not len(one):
        return 0.0, 0.0, 0.0
    boxes = np.abs(one.boxes_xyxy - other.boxes_xyxy).max()
    scores = np.abs(one.scores - other.scores).max()
    has_masks = one.masks is not None
    pixels = (one.masks != other.masks).mean((1, 2)).max() if has_masks else 0.0
    return float(boxes), float(scores), float(pixels)


def is_apart(row: Compared, tolerance: float) -> bool:
    """Whether a difference is more than allowed; ``tolerance`` is of boxes."""
    limits = tolerance, tolerance / 10, tolerance / 100
    found = row.boxes, row.scores, row.pixels
    return any(not value <= limit for value, limit in zip(found, limits))


def table(rows: Sequence[Compared]) -> str:
    """In Markdown."""
    lines = [
        '| asked | boxes, px | scores | mask pixels | network, ms | exported, ms |'
    ]
    lines.append('|---|---|---|---|---|---|')
    for row in rows:
        apart = f'{row.boxes:.1e} | {row.scores:.1e} | {row.pixels:.1e}'
        times = ' | '.join(f'{1000 * s:.0f}' for s in row.seconds)
        lines.append(f'| {row.asked} | {apart} | {times} |')
    return '\n'.join(lines)


def _frames(
    size_wh: tuple[int, int], number: int
) -> tuple[list[np.ndarray], dict[str, dict[str, Any]]]:
    """A scene that drifts, (H, W, 3) uint8 BGR, and what is asked of it."""
    import numpy as np

    from uninext.shapes.scenes import draw_scene

    scene = draw_scene(np.random.default_rng(0), size_wh)
    still = np.ascontiguousarray(scene.image[..., ::-1])
    frames = [np.roll(still, 2 * i, axis=1) for i in range(number)]
    shown = max(scene.objects, key=lambda one: one.mask.sum())
    asked = {
        'categories': dict(categories=['circle', 'square', 'star', 'ring']),
        'expression': dict(expression=f'the {shown.words["category"]}'),
        'box': dict(box=shown.box),
        'mask': dict(mask=shown.mask),
    }
    together = {key: value for one in asked.values() for key, value in one.items()}
    return frames, {**asked, 'all of them': together}


def _start_up(image: np.ndarray, model: Sequence[str]) -> float:
    """Seconds of a whole command that asks one image.

    Raises:
        ValueError: If it fails.
    """
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / 'image.png')
        cv2.imwrite(file, image)
        command = [sys.executable, '-m', 'uninext', 'predict', file, '--model', *model]
        command += ['--categories', 'star', '--device', 'cpu']
        command += ['--out', str(Path(folder) / 'out')]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode:
        raise ValueError(f'{" ".join(command)} failed: {done.stderr[-500:]}')
    return seconds


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
