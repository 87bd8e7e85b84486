"""One inferencer for all users of the page, asked one at a time.

The network is one for all users, and no session of theirs is on it: users take turns,
an image or a frame at a time, so that nobody waits for the end of another's video.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uninext.apis import Result, SourceError, UninextInferencer, read_frames
from uninext.apis.video import read_timed_frames
from uninext.web.prompts import WebPrompts, read_prompts
from uninext.web.runs import Run
from uninext.web.strokes import image_key

# The frame that the page fits images into. Smaller ones are enlarged to it before they
# are drawn on, so that lines stay thin and letters sharp.
FRAME_WH = (540, 400)
# Sizes of the box in which what was clicked is sought: of a box that is too large the
# network may take another object.
TRIED = (1.0, 0.6, 0.36)


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

    def box_at(
        self, image: np.ndarray, box: np.ndarray, point: tuple[int, int]
    ) -> np.ndarray:
        """The box of what is at a point.

        Args:
            image: (H, W, 3) uint8 BGR.
            box: (4,) xyxy in pixels, about where it is.
            point: (x, y) in pixels.

        Returns:
            (4,) xyxy; ``box`` if what is found there is not at the point.
        """
        center = np.tile(point, 2)
        for share in TRIED:
            around = center + share * (box - center)
            with self._turn:
                (found,) = self._find(image, box=around, progress=False)
            for seen in found.boxes_xyxy:
                if (seen[:2] <= point).all() and (point <= seen[2:]).all():
                    return seen
        return box

    def video(self, run: Run, earlier: Run | None = None) -> Iterator[Result]:
        """Track through a video file.

        Args:
            run: What is asked, and corrected; states are saved on the way.
            earlier: The run that was corrected: has the results before ``run.since``.

        Raises:
            ValueError: As of :meth:`uninext.apis.tracking.Tracking.correct`, too.
        """
        start, state = run.states.newest(run.since)
        with self._turn:
            tracking = self._find.track(**run.prompts.arguments)
        if state is not None:
            tracking.load_state_dict(state)
        known = iter(()) if earlier is None else earlier.read()
        for i, (frame, time) in enumerate(read_timed_frames(run.video.path)):
            if i >= start:
                with self._turn:
                    run.states.keep(i, tracking.state_dict)
                    for track_id, shown in run.corrections.get(i, {}).items():
                        tracking.correct(track_id, **shown)
                    result = tracking.step(frame, run.score_thr, time=time)
            if i < run.since:
                result = earlier.result(next(known), frame)
            yield result

    def track(self, prompts: WebPrompts) -> Callable[[np.ndarray, float], Result]:
        """Track through a camera.

        Returns:
            Takes a frame, (H, W, 3) uint8 BGR, and the score threshold of categories.
        """
        with self._turn:  # other images are looked at
            tracking = self._find.track(**prompts.arguments)

        def step(frame: np.ndarray, score_thr: float) -> Result:
            with self._turn:
                return tracking.step(frame, score_thr)

        return step


def frame_of(video: str | Path, number: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a frame, from 0.

    Raises:
        ValueError: If it cannot be read.
    """
    frames = read_frames(video)
    try:
        frame = next(islice(frames, number, None), None)
    finally:
        frames.close()
    if frame is None:
        raise SourceError(f'{video} has no frame {number}.')
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def plot_for_page(result: Result) -> np.ndarray:
    """Draw predictions, (h, w, 3) uint8 BGR; a small image fitted into ``FRAME_WH``."""
    times = enlargement(result.image)
    return (result.enlarged(times) if times > 1 else result).plot()


def enlargement(image: np.ndarray) -> float:
    """How many times :func:`plot_for_page` enlarges an image, (H, W, 3)."""
    height, width = image.shape[:2]
    return max(1.0, min(FRAME_WH[0] / width, FRAME_WH[1] / height))
