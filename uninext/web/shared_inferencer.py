"""One inferencer for all users of the page, asked one at a time.

The network is one for all users, and no session of theirs is on it: users take turns,
an image or a frame at a time, so that nobody waits for the end of another's video.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uninext.apis import Result, UninextInferencer, read_frames
from uninext.utils.video_writer import VideoWriter
from uninext.web.prompts import WebPrompts, read_prompts
from uninext.web.strokes import image_key

# The frame that the page fits images into. Smaller ones are enlarged to it before they
# are drawn on, so that lines stay thin and letters sharp.
FRAME_WH = (540, 400)


class SharedInferencer:
    """Asks the inferencer for all users, one image or frame at a time.

    Methods raise a ValueError if the model cannot do it, or a video cannot be read.

    Args:
        find: A :class:`uninext.apis.UninextInferencer`, or what is called like it.
    """

    def __init__(self, find: UninextInferencer) -> None:
        self._find = find
        self._turn = threading.Lock()

    def prompts(
        self, image: np.ndarray, *fields: Any, shown_in: np.ndarray | None = None
    ) -> WebPrompts:
        """Read what was filled in; with notes of what the model cannot understand.

        Args:
            image: (H, W, 3) uint8 RGB, that is asked.
            fields: Categories, expressions, boxes, painting.
            shown_in: Likewise, that boxes and painting are of; None: ``image``.
        """
        marked = image if shown_in is None else shown_in
        prompts = read_prompts(*fields, marked.shape[:2], image_key(marked))
        if shown_in is not None:
            prompts = prompts.shown_in(cv2.cvtColor(shown_in, cv2.COLOR_RGB2BGR))
        texts = {key: prompts.arguments[key] for key in ('categories', 'expression')}
        if not any(texts.values()):
            return prompts
        remarks = self._find.remarks(**texts)
        return prompts._replace(notes=(*prompts.notes, *remarks))

    def image(self, image: np.ndarray, prompts: WebPrompts, score_thr: float) -> Result:
        """Find in an image, (H, W, 3) uint8 RGB."""
        given = dict(prompts.arguments, score_thr=score_thr, progress=False)
        with self._turn:
            (result,) = self._find(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), **given)
        return result

    def video(
        self, video: str, prompts: WebPrompts, score_thr: float
    ) -> Iterator[Result]:
        """Track through a video file; boxes and masks are of its first frame."""
        given = dict(prompts.arguments, score_thr=score_thr, progress=False)
        results = self._find(video, **given, stream=True)
        while True:
            with self._turn:
                result = next(results, None)
            if result is None:
                return
            yield result

    def track(self, prompts: WebPrompts) -> Callable[[np.ndarray, float], Result]:
        """Track through a camera.

        Returns:
            Takes a frame, (H, W, 3) uint8 BGR, and the score threshold of categories.
        """
        tracking = self._find.track(**prompts.arguments)

        def step(frame: np.ndarray, score_thr: float) -> Result:
            with self._turn:
                return tracking.step(frame, score_thr)

        return step


def first_frame(video: str | Path | None) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB; None without a video.

    Raises:
        ValueError: If no frame can be read.
    """
    if video is None:
        return None
    frames = read_frames(video)
    try:
        return cv2.cvtColor(next(frames), cv2.COLOR_BGR2RGB)
    finally:
        frames.close()


def plot_for_page(result: Result) -> np.ndarray:
    """Draw predictions, (h, w, 3) uint8 BGR; a small image fitted into ``FRAME_WH``."""
    height, width = result.image.shape[:2]
    times = min(FRAME_WH[0] / width, FRAME_WH[1] / height)
    return (result.enlarged(times) if times > 1 else result).plot()


@contextmanager
def video_files(
    video: Path, records: Path, fps: float
) -> Iterator[Callable[[Result], None]]:
    """Write the annotated video, and a JSON file of all frames, as they come."""
    about = dict(fps=fps, format='masks are COCO RLE; boxes xyxy in pixels')
    with VideoWriter(video, fps) as writer, records.open('w', encoding='utf-8') as file:
        file.write(json.dumps(about)[:-1] + ',\n"frames": [')

        def write(result: Result) -> None:
            file.write(',\n' if writer.num_frames else '\n')
            file.write(result.to_json())
            writer.write(result.plot(), result.time)

        yield write
        file.write('\n]}\n')
