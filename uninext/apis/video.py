"""Read the frames of files, folders and cameras; open sessions.

A video session itself is :class:`uninext.models.trackers.VideoSession`. What a file
says of its length is compared with what could be read of it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from uninext.apis.images import SourceError, SourceWarning, read_image
from uninext.apis.networks import open_network
from uninext.models.trackers import VideoSession
from uninext.utils.image_files import IMAGE_SUFFIXES, list_images
from uninext.utils.inference_scale import InferenceScale
from uninext.utils.video_writer import MAX_FPS

TOLERANCE = 0.25  # seconds by which headers are wrong about the end


def open_session(
    model: str | Path | Config | None = None,
    checkpoint: str | Path | None = None,
    scale: tuple[int, int] | str | None = 'auto',
    device: str = 'auto',
    precision: str | None = None,
    num_queries: int | None = None,
    compile: bool | None = None,
    max_objects: int | None = None,
    keep_lost: int | None = None,
    init_score_thr: float | None = None,
) -> VideoSession:
    """Build a video model, load its weights, start a session.

    Arguments are those of :class:`uninext.apis.UninextInferencer`, the last three those
    of a call of it; the ``model`` of the config is a ``UNINEXTVideo``. A ``scale`` of
    'auto' may depend on the kind of prompt.

    Raises:
        ValueError: If no model is meant by it, or it is none for videos; it says what
            may be passed. If there is no such device, or it has no such precision; it
            says which there are.
        FileError: If the file cannot be read or does not fit.

    Example:
        >>> session = open_session('configs/uninext/stage3_video.py', 'iter_180000.pth')
        ... # doctest: +SKIP
    """
    init_default_scope('uninext')
    opened = open_network(
        model, checkpoint, device, precision, num_queries, compile, for_videos=True
    )
    scale = InferenceScale(opened.config, scale).for_videos()
    limits = dict(
        max_objects=max_objects, keep_lost=keep_lost, init_score_thr=init_score_thr
    )
    return opened.network.open(scale, **limits)


def read_frames(source: str | Path | int) -> Iterator[np.ndarray]:
    """Read a video file, a folder of images, a camera or a stream, frame by frame.

    Nothing but the newest frame is held.

    Args:
        source: A file; a folder, whose images are taken in natural order (2 before 10);
            an address (``rtsp://``, ``http://``); the number of a camera.

    Yields:
        (H, W, 3) uint8 BGR.

    Raises:
        SourceError: A ValueError, if there is no such source, it has no frame, or an
            image of a folder cannot be read. A video file that breaks off ends there,
            with a :class:`SourceWarning`.
    """
    for frame, _ in read_timed_frames(source):
        yield frame


def read_timed_frames(
    source: str | Path | int,
) -> Iterator[tuple[np.ndarray, float | None]]:
    """The same with times.

    Yields:
        (H, W, 3) uint8 BGR; seconds from the beginning of a file or a stream, None of
        folders, cameras, and where it does not tell.
    """
    if isinstance(source, (str, Path)) and Path(source).is_dir():
        yield from ((read_image(file), None) for file in images_in(Path(source)))
        return
    is_address = isinstance(source, str) and '://' in source
    if not isinstance(source, int) and not is_address and not Path(source).is_file():
        raise SourceError(
            f'There is no video {source}. Give a file, a folder of images, an '
            'address or the number of a camera.'
        )
    capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
    has_times = not isinstance(source, int)
    count, newest = 0, -math.inf
    try:
        while True:
            is_read, frame = capture.read()
            if not is_read:
                break
            count += 1
            time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            is_time = has_times and math.isfinite(time) and time > newest
            newest = time if is_time else newest
            yield frame, time if is_time else None
    finally:
        capture.release()
    if not count:
        raise SourceError(_no_frame(source, is_address))
    if has_times and not is_address:
        warn_if_broken(source, count)


def _no_frame(source: str | Path | int, is_address: bool) -> str:
    if isinstance(source, int):
        return f'The camera {source} cannot be opened, or sends no frame.'
    what = 'it is no video that OpenCV knows, or it is empty.'
    if is_address:
        what = f'nothing answers there, or {what}'
    return f'No frame can be read from {source}: {what}'


def images_in(folder: Path) -> list[Path]:
    """Image files of a folder in natural order.

    Raises:
        SourceError: If there is none.
    """
    files = list_images(folder)
    if not files:
        raise SourceError(
            f'The folder {folder} holds no image ({", ".join(sorted(IMAGE_SUFFIXES))}).'
        )
    return files


class VideoHeader(NamedTuple):
    """Frames a second, an average, and number of frames; None if it does not say."""

    fps: float | None
    count: int | None  # of some formats an estimate


def read_header(path: str | Path) -> VideoHeader:
    """Read what the header of a video file says."""
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    is_rate = 0 < fps <= MAX_FPS  # False for nan, too
    return VideoHeader(fps if is_rate else None, count if count > 0 else None)


def warn_if_broken(path: str | Path, count: int) -> None:
    """Warn if a video file holds more than the ``count`` frames that could be read."""
    part = part_read(path, count)
    if part is not None:
        warnings.warn(
            f'{path} is damaged: {part} could be read.', SourceWarning, stacklevel=3
        )


def part_read(path: str | Path, count: int) -> str | None:
    """How much of a file ``count`` frames are; None if all, or that cannot be told.

    Frames that are there to be thrown away (the beginning of a video that was cut
    without encoding it anew) do not count.
    """
    import av

    header = read_header(path).count
    if header is None or count >= header:
        return None
    thrown, end, seconds = 0, 0.0, 0.0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):  # none of them is held
                thrown += packet.is_discard
                if packet.size and packet.pts is not None:
                    ticks = packet.pts + (packet.duration or 0)
                    end = max(end, float(ticks * packet.time_base))
            if stream.duration:
                seconds = float(stream.duration * stream.time_base)
            elif container.duration and len(container.streams) == 1:  # no longer sound
                seconds = container.duration / av.time_base
            promised = stream.frames - thrown if stream.frames else 0
    except (av.error.FFmpegError, IndexError):
        return None
    if count < promised:
        return f'{count} of {promised} frames'
    if end + TOLERANCE < seconds:
        return f'{count} frames, {end:.1f} of {seconds:.1f} s,'
    return None
