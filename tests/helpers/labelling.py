"""A folder to label, and a finder of rectangles that needs no network."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from uninext.apis import Result
from uninext.apis.images import SkippedImageWarning
from uninext.utils.video_writer import VideoWriter

from .made_up_results import HEIGHT, WIDTH, make_result, make_video

NAMES = ['dog', 'cat', 'the cat']
ASKED = dict(categories=NAMES[:2], expression=NAMES[2:])


class MadeUpFinder:
    """Called like the inferencer: a cat (0.9), a dog (0.5), an expression (0.25).

    Images called ``sure`` have the cat alone, those called ``empty`` nothing.

    Attributes:
        seen: Names of the images, and of videos, that were predicted.
    """

    def __init__(self, with_masks: bool = True) -> None:
        self.seen: list[str] = []
        self.with_masks = with_masks

    def __call__(self, source, *, score_thr, as_video, **_) -> Iterator[Result]:
        if as_video:
            self.seen.append(Path(source).name)
            yield from make_video(self.with_masks)
            return
        for path in source:
            name = Path(path).name
            if 'damaged' in name:
                warnings.warn(f'skipped: {name}', SkippedImageWarning, stacklevel=1)
                continue
            self.seen.append(name)
            num = 1 if 'sure' in name else 0 if 'empty' in name else 3
            result = make_result(num, with_masks=self.with_masks)
            keep = result.scores >= score_thr['category']
            yield replace(
                result,
                path=path,
                boxes_xyxy=result.boxes_xyxy[keep],
                scores=result.scores[keep],
                label_ids=result.label_ids[keep],
                prompt_ids=result.prompt_ids[keep],
                masks=None if result.masks is None else result.masks[keep],
            )


def write_photos(folder: Path, *names: str) -> Path:
    """Images of one colour."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((HEIGHT, WIDTH, 3), 50, np.uint8))
    return folder


def write_clip(path: Path, frames: int = 4, fps: float = 10) -> Path:
    """A video of one colour."""
    with VideoWriter(path, fps) as writer:
        for _ in range(frames):
            writer.write(np.full((HEIGHT, WIDTH, 3), 50, np.uint8))
    return path


def contents_of(folder: Path) -> dict[str, bytes]:
    """Files of a folder, but for journals, which are in the order of a run."""
    files = (path for path in sorted(folder.rglob('*')) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.suffix not in {'.jsonl', '.lock'}
    }
