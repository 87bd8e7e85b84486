"""Write H.264 mp4 files, which every browser and player opens.

PyAV brings ffmpeg's libraries with the encoder in its wheel; nothing of the system is
needed. The file appears under its name when it is whole.
"""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from uninext.utils.defaults import MAX_FPS
from uninext.utils.files import replacing

SUFFIX = '.mp4'
ENCODERS = ('libx264', 'libopenh264', 'h264_videotoolbox')  # the first there is
# libx264: as sharp as is seen on drawn images; libopenh264 knows neither.
X264_OPTIONS = {'crf': '20', 'preset': 'veryfast'}
MAX_DENOMINATOR = 1001  # of frame rates: 29.97... is 30000/1001
CLOCK = Fraction(1, 90000)  # seconds; ticks of frames that have times
# As ffmpeg's AVCOL_*: the matrix that swscale uses, and the primaries of screens.
_BT601_MATRIX, _BT709, _LIMITED_RANGE = 6, 1, 1


class VideoWriter:
    """Write frames to an ``.mp4`` file: H.264, yuv420p, playable while it loads.

    Use it in a ``with`` block: the file takes its place at the end of the block. After
    an exception nothing is left, and a file that was there before stays as it was.
    Images of an odd width or height get one more column or row, a copy of the last,
    which the format asks for. Without a frame no file is written.

    Args:
        path: File to write, ``.mp4``; its folder is made.
        fps: Frames a second; 29.97 is taken as 2997/100, 30000/1001 as it is. Of
            frames that have times: how long one lasts whose next has none.

    Raises:
        ValueError: If the suffix is another, or ``fps`` is not between 0 and 1000.
        ImportError: If PyAV is not installed, or has no encoder of H.264.
        FileError: A ValueError, at the end, if the file cannot be written.

    Example:
        >>> with VideoWriter('seen.mp4', fps=25) as video:    # doctest: +SKIP
        ...     for frame in frames:
        ...         video.write(frame)
    """

    def __init__(self, path: str | Path, fps: Fraction | float) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != SUFFIX:
            raise ValueError(
                f'{self.path} is no {SUFFIX} file. Give a name that ends in {SUFFIX}.'
            )
        if not 0 < fps <= MAX_FPS:  # also False for nan
            raise ValueError(
                f'fps must be above 0 and at most {MAX_FPS} frames a second, got {fps}.'
            )
        self.fps = Fraction(fps).limit_denominator(MAX_DENOMINATOR)
        if not self.fps:
            self.fps = Fraction(1, MAX_DENOMINATOR)
        self.num_frames = 0
        self._encoder = _find_encoder()
        self._size_hw: tuple[int, int] | None = None
        self._tick = 1 / self.fps
        self._first_time = 0.0
        self._newest = -1  # in ticks
        self._container: Any = None
        self._stream: Any = None
        self._open_files = ExitStack()

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, frame: np.ndarray, time: float | None = None) -> None:
        """Append a frame.

        Args:
            frame: (H, W, 3) uint8 BGR, all of one size.
            time: When it is shown, in seconds; the first is shown at 0. None: a frame
                after the one before. Times are kept if the first frame has one.

        Raises:
            ValueError: If the array is another, or of another size than the first.
            OSError: If the disk is full; leave the ``with`` block with it.
        """
        import av

        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(
                'A frame of a video is an array (height, width, 3) uint8 BGR, got '
                f'{frame.shape} {frame.dtype}.'
            )
        size_hw = frame.shape[:2]
        if self._size_hw is None:
            self._tick = 1 / self.fps if time is None else CLOCK
            self._first_time = time or 0.0
            self._start(*size_hw)
        if size_hw != self._size_hw:
            raise ValueError(
                f'All frames of a video have one size: frame {self.num_frames} is '
                f'{size_hw[1]} x {size_hw[0]} (width x height), the first was '
                f'{self._size_hw[1]} x {self._size_hw[0]}. Resize them, or write '
                'another video.'
            )
        image = av.VideoFrame.from_ndarray(_even(frame), format='bgr24')
        image.pts = self._newest = self._ticks_of(time)
        image.time_base = self._tick
        self._container.mux(self._stream.encode(image))
        self.num_frames += 1

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self._open_files.__exit__(*error)
            return
        with self._open_files:  # an error of finishing undoes the file, too
            if self._container is not None:
                self._container.mux(self._stream.encode())
                self._container.close()

    def _ticks_of(self, time: float | None) -> int:
        """When the next frame is shown, in ticks; always after the newest."""
        if self._newest < 0:
            return 0
        if time is None or self._tick != CLOCK:
            return self._newest + round(1 / self.fps / self._tick)
        ticks = round((time - self._first_time) / self._tick)
        return max(ticks, self._newest + 1)

    def _start(self, height: int, width: int) -> None:
        import av

        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._open_files.enter_context(
            replacing(self.path, 'Make room, or give another place.')
        )
        self._container = av.open(
            str(temporary), 'w', format='mp4', options={'movflags': '+faststart'}
        )
        self._open_files.callback(self._container.close)
        options = X264_OPTIONS if self._encoder == 'libx264' else {}
        stream = self._container.add_stream(self._encoder, self.fps, options)
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = 'yuv420p'
        context = stream.codec_context
        context.time_base = self._tick
        if self._tick == CLOCK:
            # Frames out of order are stored at the times of others, and where these
            # are uneven the file says that it ends too soon.
            context.max_b_frames = 0
        context.colorspace, context.color_range = _BT601_MATRIX, _LIMITED_RANGE
        context.color_primaries, context.color_trc = _BT709, _BT709
        self._stream, self._size_hw = stream, (height, width)


def _find_encoder() -> str:
    """The first encoder of H.264 that is installed.

    Raises:
        ImportError: If there is none; says what to install.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f'Writing videos needs the package av ({error}): pip install av'
        ) from error
    for name in ENCODERS:
        if name in av.codecs_available:
            return name
    raise ImportError(
        f'This av {av.__version__} has no encoder of H.264 ({", ".join(ENCODERS)}). '
        'Install the wheel of the package index: pip install --force-reinstall av'
    )


def _even(frame: np.ndarray) -> np.ndarray:
    """The frame with even sides: its last row and column twice where they are odd."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
    return np.ascontiguousarray(frame)
