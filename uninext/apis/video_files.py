"""What video files say of themselves, and whether it is true."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2

from uninext.apis.images import SourceWarning
from uninext.utils.video_writer import MAX_FPS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

TOLERANCE = 0.25  # seconds by which headers are wrong about the end


class VideoHeader(NamedTuple):
    """What the header of a video says.

    Attributes:
        fps: Frames a second, an average; None if it does not say.
        count: Frames, of some formats an estimate; None if it does not say.
    """

    fps: float | None
    count: int | None


def read_header(path: str | Path) -> VideoHeader:
    """Read what the header of a video file says."""
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    is_rate = 0 < fps <= MAX_FPS  # False for nan, too
    return VideoHeader(fps if is_rate else None, count if count > 0 else None)


def warn_if_broken(path: str | Path, count: int) -> None:
    """Warn if a file holds more than could be read.

    Args:
        path: A video file.
        count: Frames that could be read.
    """
    header = read_header(path).count
    promised = None if header is None or count >= header else _promised(path)
    if promised is None:
        return
    if promised.frames is not None and count < promised.frames:
        part = f'{count} of {promised.frames} frames'
    elif promised.seconds is not None and promised.end + TOLERANCE < promised.seconds:
        part = f'{count} frames, {promised.end:.1f} of {promised.seconds:.1f} s,'
    else:
        return
    warnings.warn(
        f'{path} is damaged: {part} could be read.', SourceWarning, stacklevel=3
    )


class _Promised(NamedTuple):
    """What a file should hold.

    Attributes:
        frames: None if it does not count them.
        seconds: None if it does not say.
        end: Seconds that it holds in fact.
    """

    frames: int | None
    seconds: float | None
    end: float


def _promised(path: str | Path) -> _Promised | None:
    """What a file should hold; None if that cannot be told.

    Frames that are there to be thrown away (the beginning of a video that was cut
    without encoding it anew) do not count.
    """
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            thrown, end = 0, 0.0
            for packet in container.demux(stream):  # none of them is held
                thrown += packet.is_discard
                if packet.size and packet.pts is not None:
                    ticks = packet.pts + (packet.duration or 0)
                    end = max(end, float(ticks * packet.time_base))
            return _Promised(
                stream.frames - thrown if stream.frames else None,
                _seconds_of(container, stream),
                end,
            )
    except (av.error.FFmpegError, IndexError):
        return None


def _seconds_of(container: InputContainer, stream: VideoStream) -> float | None:
    """Length of the images; of a file whose sound may be longer it is not known."""
    import av

    if stream.duration:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return None
