"""Draw what the README shows first: the predictions of a model.

OUT/prompts.jpg: an image a kind of prompt. OUT/session.webp: one session, in which
prompts of all kinds come and go. Scenes are generated, of the test split of seed 2,
which no training has seen; targets are shown where the annotations have them.

Example:
    python tools/misc/readme_images.py docs/assets
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import run_tool

if TYPE_CHECKING:
    import numpy as np

    from uninext.apis import UninextInferencer
    from uninext.shapes.video_labels import LabelledVideo, Track

SIZE_WH, LENGTH, NUM_OBJECTS = (320, 240), 48, (6, 9)
SCALE, FONT_SIZE, GAP = 1.5, 16, 12
JPEG_QUALITY, WEBP_QUALITY, FPS = 85, 70, 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('out', type=Path, metavar='OUT', help='folder of the images')
    parser.add_argument('--model', help='name, config or weights (default: shipped)')
    parser.add_argument('--checkpoint', help='weights, if --model is a config')
    parser.add_argument('--seed', type=int, default=2, help='of the video')


def run(args: argparse.Namespace) -> None:
    """Draw both."""
    import cv2
    import numpy as np
    from PIL import Image

    from uninext.apis import UninextInferencer
    from uninext.shapes import generate_video
    from uninext.visualization.lettering import pad_to_height

    find = UninextInferencer(args.model, args.checkpoint)
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng([args.seed, 2, 0, 11])
        video = generate_video(rng, Path(folder) / 'v', SIZE_WH, LENGTH, NUM_OBJECTS)
        frames = list(session_frames(find, video))
        path = args.out / 'prompts.jpg'
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        cv2.imwrite(str(path), prompt_panels(find, video), options)
    height = max(map(len, frames))
    frames = [pad_to_height(frame, height)[..., ::-1] for frame in frames]
    first, *others = map(Image.fromarray, frames)
    first.save(
        args.out / 'session.webp',
        save_all=True,
        append_images=others,
        duration=round(1000 / FPS),
        loop=0,
        quality=WEBP_QUALITY,
        method=6,
    )
    for name in ('prompts.jpg', 'session.webp'):
        print(f'{args.out / name}: {(args.out / name).stat().st_size // 1024} KB')


def plan(video: LabelledVideo) -> dict[int, list[tuple[str, dict[str, Any]]]]:
    """Frame -> what happens before it: ``('+', prompt)`` or ``('-', prompt)``.

    Categories that are there most often, an expression of what stays in view, a box and
    a mask of two other objects.
    """
    counts = Counter(track.words['category'] for track in video.tracks)
    categories = dict(categories=', '.join(name for name, _ in counts.most_common(2)))
    said = max(video.tracks, key=lambda t: (t.visibility.min(), len(_text_of(t))))
    expression = dict(expression=_text_of(said))
    at_box, at_mask = LENGTH // 2, 3 * LENGTH // 4
    boxed = _clearest(video, at_box, {said.id})
    box = dict(box=_xyxy(boxed, at_box))
    masked = _clearest(video, at_mask, {said.id, boxed.id})
    mask = dict(mask=_mask(masked, at_mask))
    return {
        0: [('+', categories)],
        LENGTH // 4: [('+', expression)],
        at_box: [('-', categories), ('+', box)],
        at_mask: [('-', expression), ('+', mask)],
    }


def session_frames(
    find: UninextInferencer, video: LabelledVideo
) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 BGR with what a session finds, and its prompts above."""
    import cv2
    import torch

    from uninext.apis import AskedPrompt
    from uninext.apis.tracking import result_of
    from uninext.utils.defaults import SCORE_THRESHOLD
    from uninext.visualization.lettering import add_caption

    session = find.model.open(scale=find.scale.for_videos())
    asked: list[AskedPrompt] = []
    active: dict[str, list[int]] = {}  # text -> ids of the prompts
    events = plan(video)
    for number, path in enumerate(video.frames):
        for sign, prompt in events.get(number, ()):
            text = _caption(prompt)
            if sign == '-':
                for prompt_id in active.pop(text):
                    session.remove(prompt_id)
                continue
            active[text] = session.add(**prompt)
            for prompt_id in active[text]:
                single = 'categories' not in prompt
                asked.append(AskedPrompt(text, session.names_of(prompt_id), single))
        image = cv2.imread(str(path))
        found = session.step(image).pred_instances.cpu()
        single = torch.tensor([prompt.single for prompt in asked])
        found = found[(found.scores >= SCORE_THRESHOLD) | single[found.prompt_ids]]
        result = result_of(image, tuple(asked), found, str(path), None, number)
        yield add_caption(result.enlarged(SCALE).plot(), '\n'.join(active), FONT_SIZE)


def prompt_panels(find: UninextInferencer, video: LabelledVideo) -> np.ndarray:
    """Categories, an expression; a box and a mask that the first frame shows."""
    import cv2
    import numpy as np

    from uninext.visualization.lettering import pad_to_height

    first, last = str(video.frames[0]), len(video.frames) // 3
    events = plan(video)
    categories, expression = events[0][0], events[LENGTH // 4][0]
    panels = []
    for _, ask in (categories, expression):
        (result,) = find(cv2.imread(first), **ask)
        panels.append((_caption(ask), result))
    boxed = _clearest(video, 0, set())
    masked = _clearest(video, 0, {boxed.id})
    for ask in (dict(box=_xyxy(boxed, 0)), dict(mask=_mask(masked, 0))):
        tracking = find.track(**ask)
        for path in video.frames[: last + 1]:
            result = tracking.step(cv2.imread(str(path)))
        panels.append((f'{_caption(ask)} in frame 0: frame {last}', result))
    drawn = [_panel(text, result) for text, result in panels]
    height = max(map(len, drawn))
    drawn = [pad_to_height(one, height) for one in drawn]
    gap = np.full((height, GAP, 3), 255, np.uint8)
    upper, lower = (np.hstack([drawn[i], gap, drawn[i + 1]]) for i in (0, 2))
    return np.vstack([upper, np.full((GAP, upper.shape[1], 3), 255, np.uint8), lower])


def _panel(text: str, result: Any) -> np.ndarray:
    from uninext.visualization.lettering import add_caption

    return add_caption(result.enlarged(SCALE).plot(), text, FONT_SIZE)


def _caption(prompt: dict[str, Any]) -> str:
    ((kind, value),) = prompt.items()
    return f'{kind}: {value}' if isinstance(value, str) else f'{kind} of a target'


def _text_of(track: Track) -> str:
    """The longest expression that a frame can answer; '' if there is none."""
    texts = [e.text for e in track.expressions if e.kind != 'motion']
    return max(texts, key=len, default='')


def _clearest(video: LabelledVideo, frame: int, without: set[int]) -> Track:
    """The object that moves most of those that are seen well in a frame; no twin."""
    import numpy as np

    def way(track: Track) -> float:
        places = [box[:2] for box in track.boxes_xywh[frame:] if box is not None]
        return float(np.ptp(places, axis=0).max())

    seen = [t for t in video.tracks if t.id not in without and not video.has_twin(t)]
    best = max(t.visibility[frame] for t in seen)
    return max((t for t in seen if t.visibility[frame] >= 0.9 * best), key=way)


def _xyxy(track: Track, frame: int) -> list[float]:
    x, y, width, height = track.boxes_xywh[frame]
    return [x, y, x + width, y + height]


def _mask(track: Track, frame: int) -> np.ndarray:
    from uninext.formats.rle import decode_segmentation

    return decode_segmentation(track.masks[frame], SIZE_WH[1], SIZE_WH[0]).astype(bool)


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
