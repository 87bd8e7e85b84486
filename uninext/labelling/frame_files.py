"""Frames of a video file as images."""

from __future__ import annotations

from pathlib import Path

import cv2

from uninext.apis.video import read_frames
from uninext.utils.files import replacing


def frame_file(folder: Path, frame: int) -> Path:
    """The image of a frame, from 0."""
    return folder / f'{frame:06d}.jpg'


def write_frames(video: str | Path, folder: Path) -> tuple[int, tuple[int, int]]:
    """Write each frame of a video file, whole or not at all.

    Returns:
        Number of frames; their width and height, pixels.

    Raises:
        SourceError: A ValueError, if no frame can be read.
        FileError: If one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count, size_wh = 0, (0, 0)
    for frame in read_frames(video):
        size_wh = frame.shape[1], frame.shape[0]
        _, content = cv2.imencode('.jpg', frame)
        with replacing(frame_file(folder, count)) as temporary:
            temporary.write_bytes(content.tobytes())
        count += 1
    return count, size_wh
