"""Questions of the web page, answered: images and videos enter, files and HTML leave.

The network is one for all users, and no session of theirs is on it: users take turns,
an image or a frame at a time, so that nobody waits for the end of another's video.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uninext.apis import Result, UninextInferencer, read_frames
from uninext.apis.video_files import read_header
from uninext.utils.video_writer import VideoWriter
from uninext.web.pages import TrackSummary, instance_table
from uninext.web.prompts import WebPrompts

SHOWN_EVERY = 0.2  # seconds between frames that are sent to the page while it runs
AT_ONCE = 4  # questions that share the network; others wait in the queue
DEFAULT_FPS = 25.0  # of a video that does not tell
# The frame that the page fits answers into. Smaller images are enlarged to it before
# they are drawn on, so that lines stay thin and letters sharp.
FRAME_WH = (540, 400)


@dataclass(frozen=True, eq=False)
class ImageAnswer:
    """What was found in an image.

    Attributes:
        image: (h, w, 3) uint8 RGB, annotated; a small one is enlarged.
        table: HTML.
        seconds: What it took.
        files: The annotated image in its own size, and everything as JSON.
    """

    image: np.ndarray
    table: str
    seconds: float
    files: tuple[Path, Path]


@dataclass(frozen=True, eq=False)
class FrameAnswer:
    """What was found in the newest frame of a video that runs.

    Attributes:
        image: (h, w, 3) uint8 BGR, annotated; a small one is enlarged.
        table: HTML of its instances.
        done: Frames so far.
        total: Frames of the video, if it tells.
        fps: Frames a second so far, reading and drawing included.
    """

    image: np.ndarray
    table: str
    done: int
    total: int | None
    fps: float


@dataclass(frozen=True, eq=False)
class VideoAnswer:
    """What was found in a video.

    Attributes:
        table: HTML of its tracks.
        done: Frames.
        seconds: What they took.
        stopped: Whether the user had enough before the end.
        files: The annotated video, and everything as JSON.
    """

    table: str
    done: int
    seconds: float
    stopped: bool
    files: tuple[Path, Path]


class Answering:
    """Asks the inferencer for all users, one image or frame at a time.

    Args:
        find: A :class:`uninext.apis.UninextInferencer`, or what is called like it.
    """

    def __init__(self, find: UninextInferencer) -> None:
        self._find = find
        self._turn = threading.Lock()

    def with_remarks(self, prompts: WebPrompts) -> WebPrompts:
        """The same, with notes of what the model cannot understand."""
        asked = prompts.arguments()
        texts = {key: asked[key] for key in ('categories', 'expression')}
        if not any(texts.values()):
            return prompts
        remarks = self._find.remarks(**texts)
        return replace(prompts, notes=(*prompts.notes, *remarks))

    def image(
        self, image: np.ndarray, prompts: WebPrompts, score_thr: float, folder: Path
    ) -> ImageAnswer:
        """Find in an image.

        Args:
            image: (H, W, 3) uint8 RGB.
            prompts: What to find.
            score_thr: Of categories.
            folder: Where files go.

        Raises:
            ValueError: If the model cannot do it, or a file cannot be written.
        """
        start = time.perf_counter()
        with self._turn:
            (result,) = self._find(
                cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
                **prompts.arguments(),
                score_thr=score_thr,
                progress=False,
            )
        seconds = time.perf_counter() - start
        annotated = result.save(folder / 'uninext.png')
        records = folder / 'uninext.json'
        records.write_text(result.to_json(indent=1), encoding='utf-8')
        return ImageAnswer(
            image=cv2.cvtColor(plot_for_page(result), cv2.COLOR_BGR2RGB),
            table=instance_table(result),
            seconds=seconds,
            files=(annotated, records),
        )

    def video(
        self,
        video: str | Path,
        prompts: WebPrompts,
        score_thr: float,
        folder: Path,
        stop: threading.Event,
    ) -> Iterator[FrameAnswer | VideoAnswer]:
        """Track through a video; boxes and masks are of its first frame.

        Args:
            video: A file.
            prompts: What to track.
            score_thr: Of categories.
            folder: Where files go.
            stop: Set by the user: what was done until then is the prediction.

        Yields:
            Frames, not every one, and at the end the whole.

        Raises:
            ValueError: If the model cannot do it, or the video cannot be read.
        """
        header = read_header(video)
        rate = header.fps or DEFAULT_FPS
        files = folder / 'uninext.mp4', folder / 'uninext.json'
        tracks, start, shown, done = TrackSummary(), time.perf_counter(), 0.0, 0
        about = dict(fps=rate, format='masks are COCO RLE; boxes xyxy in pixels')
        with (
            VideoWriter(files[0], rate) as writer,
            _FrameRecords(files[1], about) as records,
        ):
            for result in self._frames(str(video), prompts, score_thr):
                writer.write(result.plot(), result.time)
                records.add(result)
                tracks.add(result)
                done += 1
                now = time.perf_counter()
                if now - shown >= SHOWN_EVERY:
                    shown = now
                    table, fps = instance_table(result), done / (now - start)
                    image = plot_for_page(result)
                    yield FrameAnswer(image, table, done, header.count, fps)
                if stop.is_set():
                    break
        seconds = time.perf_counter() - start
        yield VideoAnswer(tracks.table(), done, seconds, stop.is_set(), files)

    def track(self, prompts: WebPrompts) -> Callable[[np.ndarray, float], Result]:
        """Track through a camera; takes turns with all others.

        Returns:
            Takes a frame, (H, W, 3) uint8 BGR, and the score threshold of categories.

        Raises:
            ValueError: If the model cannot track.
        """
        tracking = self._find.track(**prompts.arguments())

        def step(frame: np.ndarray, score_thr: float) -> Result:
            with self._turn:
                return tracking.step(frame, score_thr)

        return step

    def _frames(
        self, video: str, prompts: WebPrompts, score_thr: float
    ) -> Iterator[Result]:
        results = self._find(
            video,
            **prompts.arguments(),
            score_thr=score_thr,
            stream=True,
            progress=False,
        )
        while True:
            with self._turn:
                result = next(results, None)
            if result is None:
                return
            yield result


class Stops:
    """Who of the users wants the running video to end."""

    def __init__(self) -> None:
        self._asked: dict[str, threading.Event] = {}

    def begin(self, session: str) -> threading.Event:
        """The event that :meth:`ask` sets, new for every video."""
        self._asked[session] = threading.Event()
        return self._asked[session]

    def ask(self, session: str) -> None:
        """Stop the video of a user, if there is one."""
        if session in self._asked:
            self._asked[session].set()

    def end(self, session: str) -> None:
        """Forget a user."""
        self._asked.pop(session, None)


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
    """Draw what was found; on a small image after it was fitted into ``FRAME_WH``.

    Returns:
        (h, w, 3) uint8 BGR.
    """
    height, width = result.image.shape[:2]
    times = min(FRAME_WH[0] / width, FRAME_WH[1] / height)
    if times <= 1:
        return result.plot()
    size_wh = round(times * width), round(times * height)
    masks = result.masks
    if masks is not None:
        # Linear, so that outlines are not stairs.
        soft = [cv2.resize(mask.astype(np.float32), size_wh) for mask in masks]
        masks = np.array(soft).reshape(-1, *size_wh[::-1]) > 0.5
    enlarged = replace(
        result,
        image=cv2.resize(result.image, size_wh, interpolation=cv2.INTER_CUBIC),
        boxes_xyxy=result.boxes_xyxy * np.float32(times),
        masks=masks,
    )
    return enlarged.plot()


class _FrameRecords:
    """A JSON file with a record for every frame, written as they come."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._path, self._header = path, header

    def __enter__(self) -> _FrameRecords:
        self._file = open(self._path, 'w', encoding='utf-8')  # noqa: SIM115
        self._file.write(json.dumps(self._header)[:-1] + ',\n"frames": [')
        self._separator = '\n'
        return self

    def add(self, result: Result) -> None:
        self._file.write(self._separator + result.to_json())
        self._separator = ',\n'

    def __exit__(self, *error: object) -> None:
        self._file.write('\n]}\n')
        self._file.close()
