"""What visitors upload: checked by its header, read, and called by its own name.

From the fields of the page to images and videos. No address is fetched, and no format
is opened that names other files (playlists) or runs other programs (PostScript).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from abc import ABCMeta
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import gradio as gr
import numpy as np
from gradio.component_meta import ComponentMeta
from PIL import Image

from uninext.apis import SourceError
from uninext.apis.images import image_of_pil, is_cut_jpeg, read_image
from uninext.utils.image_files import UNREADABLE
from uninext.utils.serving_limits import ServingLimits, where_to_change
from uninext.web.errors import for_people

Image.init()
IMAGE_FORMATS = tuple(
    kind
    for kind in ('JPEG', 'PNG', 'WEBP', 'BMP', 'GIF', 'TIFF', 'AVIF', 'PPM', 'JPEG2000')
    if kind in Image.OPEN  # of AVIF it depends on how Pillow was built
)
# Demuxers of FFmpeg. Not among them: hls, dash, concat, sdp and others that open what
# the file names.
VIDEO_FORMATS = 'mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,gif,h264,hevc,m4v'
MAX_RATE = 120  # frames a second; a video of more counts as longer than it is
MEGA = 1_000_000
MOST_MP = 2 * Image.MAX_IMAGE_PIXELS / MEGA  # Pillow opens no larger image
NO_ADDRESS = 'Nothing is fetched from addresses. Upload the file itself.'


class Upload(NamedTuple):
    """A file that a visitor gave, and the name that it had there."""

    path: str
    name: str


@contextlib.contextmanager
def called(upload: Upload) -> Iterator[None]:
    """Let errors of the block say the name of the file, not where it lies here.

    Raises:
        SourceError: Instead of any other error for people that names the path.
    """
    try:
        yield
    except ValueError as error:
        if upload.path not in str(error):
            raise
        text = str(error).replace(upload.path, upload.name)
        raise SourceError(text) from error


# --------------------------------------------------------------------------- checking


def check_image(upload: Upload, limits: ServingLimits) -> None:
    """Look at the header of an image.

    Raises:
        SourceError: If it is no image, or has too many pixels.
    """
    try:
        with Image.open(upload.path, formats=IMAGE_FORMATS) as header:
            size = header.size
    except Image.DecompressionBombError:
        size = None
    except UNREADABLE as error:
        raise SourceError(
            f'Cannot read {upload.name}: it is damaged, or no image.'
        ) from error
    _check_pixels(upload.name, size, limits, 'max_image_mp')


def check_video(upload: Upload, limits: ServingLimits) -> None:
    """Look at the header of a video.

    Raises:
        SourceError: If it is no video, too long, or of frames that are too large.
    """
    import av

    safe = dict(format_whitelist=VIDEO_FORMATS, protocol_whitelist='file')
    try:
        with av.open(upload.path, options=safe) as container:
            stream = container.streams.video[0]
            size, frames = (stream.width, stream.height), stream.frames
            if stream.duration:
                seconds = float(stream.duration * stream.time_base)
            else:
                seconds = (container.duration or 0) / av.time_base
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise SourceError(
            f'Cannot read {upload.name}: it is damaged, or no video.'
        ) from error
    _check_pixels(upload.name, size, limits, 'max_video_mp')
    if is_too_long(seconds, frames, limits):
        raise SourceError(
            f'{upload.name} lasts {seconds:.1f} s and has {frames} frames; videos here '
            f'may last {limits.max_video_seconds:g} s, with {MAX_RATE} frames a second '
            f'at most. {where_to_change("max_video_seconds")}'
        )


def is_too_long(seconds: float, frames: int, limits: ServingLimits) -> bool:
    """Whether a video is; headers may not tell, and it is found out on the way."""
    return max(seconds, frames / MAX_RATE) > limits.max_video_seconds


def _check_pixels(
    name: str, size_wh: tuple[int, int] | None, limits: ServingLimits, limit: str
) -> None:
    most = min(getattr(limits, limit), MOST_MP)
    if size_wh is not None and size_wh[0] * size_wh[1] <= most * MEGA:
        return
    size = 'too many' if size_wh is None else '{} x {}'.format(*size_wh)
    raise SourceError(
        f'{name} has {size} pixels; {most:g} megapixels are the limit. Make it '
        f'smaller. {where_to_change(limit)}'
    )


# ---------------------------------------------------------------------------- reading


def read_upload(upload: Upload | None) -> np.ndarray | None:
    """Read an image, (H, W, 3) uint8 RGB; None without one.

    Raises:
        SourceError: If it cannot be read; it says the name.
    """
    if upload is None:
        return None
    with called(upload):
        if cv2.haveImageReader(upload.path):
            image = read_image(upload.path)
        else:
            with Image.open(upload.path, formats=IMAGE_FORMATS) as opened:
                image = image_of_pil(opened)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def damage_of(*uploads: Upload | None) -> tuple[str, ...]:
    """What is to be said of images of which only a part could be read."""
    return tuple(
        f'{upload.name} is damaged: its end is missing, and is grey here.'
        for upload in uploads
        if upload is not None and is_cut_jpeg(Path(upload.path))
    )


def read_camera(given: Any, limits: ServingLimits) -> np.ndarray | None:
    """Read a frame of a camera, a data address of the browser's.

    Returns:
        (H, W, 3) uint8 RGB; None without one.

    Raises:
        SourceError: If it is none, or has too many pixels.
    """
    if given is None:
        return None
    head, _, data = (given.url or '').partition(',')
    if not head.startswith('data:image/'):
        raise SourceError('A frame of a camera is a data:image/ address.')
    try:
        content = io.BytesIO(base64.b64decode(data, validate=True))
        with Image.open(content, formats=IMAGE_FORMATS) as opened:
            _check_pixels(
                'The frame of the camera', opened.size, limits, 'max_video_mp'
            )
            image = image_of_pil(opened)
    except SourceError:
        raise
    except (binascii.Error, *UNREADABLE) as error:
        raise SourceError('The frame of the camera is damaged.') from error
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


# ------------------------------------------------------------------------- components


def fields_of(limits: ServingLimits) -> tuple[type, type, type]:
    """Fields for an image, a video and a camera.

    The first two give an :class:`Upload` that was checked, the last what
    :func:`read_camera` returns; all of them None where nothing was given.
    """

    def of_file(check: Callable[[Upload, ServingLimits], None]) -> Callable:
        def preprocess(self: Any, payload: Any) -> Upload | None:
            if payload is None:
                return None
            with for_people():
                if not payload.path:
                    raise SourceError(NO_ADDRESS)
                name = Path(payload.orig_name or payload.path).name
                upload = Upload(payload.path, name)
                check(upload, limits)
            return upload

        return preprocess

    def of_camera(self: Any, payload: Any) -> np.ndarray | None:
        with for_people():
            return read_camera(payload, limits)

    return (
        _field(gr.Image, of_file(check_image), limits),
        _field(gr.Video, of_file(check_video), limits),
        _field(gr.Image, of_camera, limits),
    )


def _field(base: type, preprocess: Callable, limits: ServingLimits) -> type:
    """A component of Gradio that reads what it is given in our way."""

    async def take(self: Any, path: str | Path | None) -> str | None:
        """Gradio would fetch an address, and say in its own way that a file is gone."""
        with for_people():
            if '://' in str(path):
                raise SourceError(NO_ADDRESS)
            if path is not None and not Path(path).is_file():
                raise SourceError(
                    'The file is no longer here: uploads go after '
                    f'{limits.idle_minutes:g} minutes without use. Upload it again. '
                    f'{where_to_change("idle_minutes")}'
                )
        return await base.async_move_resource_to_block_cache(self, path)

    body = dict(
        __module__=__name__,
        preprocess=preprocess,
        async_move_resource_to_block_cache=take,
        get_block_name=lambda self: base.__name__.lower(),  # of the browser's part
    )
    # ComponentMeta itself would write a .pyi file beside this one.
    return ABCMeta.__new__(ComponentMeta, f'Checked{base.__name__}', (base,), body)
