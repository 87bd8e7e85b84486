"""Stands for the inferencer in bulk: an instance whose score is the brightness."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uninext.apis import AskedPrompt, Result
from uninext.apis.bulk import Question
from uninext.apis.sources import open_source
from uninext.utils.video_writer import VideoWriter

ASKED = dict(categories=['light'])


class BrightnessFinder:
    """Called like :class:`uninext.apis.UninextInferencer`; finds nothing in the dark.

    Attributes:
        seen: Paths of images, and of videos.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(
        self,
        source: Any,
        *,
        categories: list[str],
        as_video: bool | None = None,
        on_error: str = 'raise',
        stream: bool = False,
        progress: bool | None = None,
        batch_size: int = 1,
    ) -> Iterator[Result]:
        assert stream and progress is False
        opened = open_source(source)
        if as_video:
            self.seen.append(str(source))
        for number, (image, path, time, _) in enumerate(opened.read(on_error=on_error)):
            if not as_video:
                self.seen.append(path or str(source))
            yield found_in(image, path, number if as_video else None, time)


class DeadlyFinder(BrightnessFinder):
    """Its process is killed after an image.

    Args:
        path: Of the image.
        marker: A file that is made before; where it is there nothing happens.
    """

    def __init__(self, path: str, marker: Path | None = None) -> None:
        super().__init__()
        self.path, self.marker = path, marker

    def __call__(self, source: Any, **asked: Any) -> Iterator:
        for result in super().__call__(source, **asked):
            yield result
            is_due = self.marker is None or not self.marker.exists()
            if result.path == self.path and is_due:
                if self.marker is not None:
                    self.marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)


def found_in(
    image: np.ndarray, path: str | None, frame: int | None, time: float | None
) -> Result:
    """What is found in an image; in a frame it has the track 5."""
    height, width = image.shape[:2]
    score = image.mean() / 255
    count = int(score > 0)
    return Result(
        image=image,
        prompts=(AskedPrompt('light', ('light',), False),),
        boxes_xyxy=np.array([[0, 0, width, height]] * count, np.float32).reshape(-1, 4),
        scores=np.full(count, score, np.float32),
        label_ids=np.zeros(count, np.int64),
        prompt_ids=np.zeros(count, np.int64),
        track_ids=None if frame is None else np.full(count, 5),
        masks=np.ones((count, height, width), bool),
        path=path,
        frame=frame,
        time=time,
    )


def question(find: Any = None, layout: str = 'coco', **options: Any) -> Question:
    """Of the finder."""
    return Question(find or BrightnessFinder, ASKED, layout=layout, **options)


def write_images(folder: Path, count: int, first: int = 0) -> list[str]:
    """Grey images of different brightness; the first of all is dark."""
    folder.mkdir(exist_ok=True)
    paths = [str(folder / f'{i}.png') for i in range(first, first + count)]
    for i, path in enumerate(paths, start=first):
        cv2.imwrite(path, np.full((4, 6 + i % 2, 3), 10 * i, np.uint8))
    return paths


def write_video(path: Path, count: int) -> str:
    """Grey frames."""
    with VideoWriter(path, 5) as writer:
        for i in range(count):
            writer.write(np.full((32, 32, 3), 50 + 10 * i, np.uint8))
    return str(path)
