"""Small writers that the layouts share.

Frames that exist and labels in; links, text files and indexed masks out.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

from uninext.shapes.video_labels import LabelledVideo, Track


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

    Args:
        video: Whose frames exist.
        folder: To link into; made if absent.
        pattern: Of the names; takes a number.
        first: Number of the first frame.
        step: From one number to the next.
    """
    names = [pattern.format(first + step * i) for i in range(len(video))]
    for path, name in zip(video.frames, names):
        link(path, folder / name)
    return names


def write_text(path: Path, text: str) -> None:
    """Write a text file and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file and make its folder."""
    write_text(path, json.dumps(content))


def write_lines(path: Path, lines: list[str]) -> None:
    """Write lines, each with an end."""
    write_text(path, ''.join(f'{line}\n' for line in lines))


def index_image(
    size_wh: tuple[int, int], numbers: Mapping[int, Track], frame: int
) -> np.ndarray:
    """Object numbers of the pixels of a frame.

    Args:
        size_wh: Width and height, pixels.
        numbers: Number, 1 to 255 -> track.
        frame: Which one.

    Returns:
        (H, W) uint8, 0 where there is none of them.
    """
    image = np.zeros(size_wh[::-1], np.uint8)
    for number, track in numbers.items():
        if track.masks[frame] is not None:
            image[mask_utils.decode(track.masks[frame]).astype(bool)] = number
    return image
