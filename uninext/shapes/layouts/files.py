"""What the layouts share: links to frames that exist, lines, images of object ids."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from uninext.formats.json_file import write_text
from uninext.formats.rle import decode_segmentation
from uninext.shapes.video_labels import LabelledVideo, Track

Videos = Mapping[str, Sequence[LabelledVideo]]  # split -> its videos


def link(source: Path, target: Path) -> None:
    """Give a file a second name, without a second copy where the disk allows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


def link_frames(
    video: LabelledVideo,
    folder: Path,
    pattern: str = '{:05d}.jpg',
    first: int = 0,
    step: int = 1,
) -> list[str]:
    """Link the frames of a video into a folder, and return their new names.

    ``pattern`` takes numbers from ``first`` on, ``step`` apart.
    """
    names = [pattern.format(first + step * i) for i in range(len(video))]
    for path, name in zip(video.frames, names):
        link(path, folder / name)
    return names


def write_lines(lines: Iterable[object], path: Path) -> None:
    """Write lines, each with an end."""
    write_text((f'{line}\n' for line in lines), path)


def index_image(
    video: LabelledVideo, numbers: Mapping[int, Track], frame: int
) -> np.ndarray:
    """Object numbers, 1 to 255, of the pixels of a frame.

    Returns:
        (H, W) uint8, 0 where there is none of them.
    """
    width, height = video.size_wh
    image = np.zeros((height, width), np.uint8)
    for number, track in numbers.items():
        if (mask := track.masks[frame]) is not None:
            image[decode_segmentation(mask, height, width)] = number
    return image
