"""Images and videos of users, in whatever form they come; read one at a time.

Paths, arrays, images, folders, patterns, lists, cameras and addresses.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import cv2
import numpy as np
from PIL import Image

from uninext.apis.images import (
    EncodedImage,
    image_of_array,
    load_image,
    skip_or_raise,
)
from uninext.apis.video import images_in, read_header, read_timed_frames
from uninext.models.trackers.inputs import checked_frame
from uninext.utils.image_files import is_image_name, natural_key

EXPECTED = (
    'Give the path of an image or video, a folder, a pattern such as "frames/*.jpg", '
    'an array (height, width, 3) uint8 BGR, a PIL image, an EncodedImage, a list of '
    'these, the number of a camera, or an address such as rtsp://...'
)
VIDEO_SUFFIXES = {
    '.mp4',
    '.avi',
    '.mov',
    '.mkv',
    '.webm',
    '.m4v',
    '.mpg',
    '.mpeg',
    '.ts',
}


class SourceImage(NamedTuple):
    """An image and where it came from.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        path: Of its file, or name of an encoded image; None if it was an array or a
            frame of a video.
        time: Of a frame of a video, seconds from its beginning, if it tells.
        name: What errors call it; '' if there is no other.
    """

    image: np.ndarray
    path: str | None
    time: float | None = None
    name: str = ''


@dataclass
class Source:
    """What a user gave, understood.

    Attributes:
        read: Gives images one by one. ``read(on_error='skip')`` leaves out those that
            cannot be used, with a warning; a video ends where it cannot be read.
        is_video: Whether the images are frames.
        count: How many there are; None if that is not known.
        fps: Of a video file, if it tells.
        may_end: False for cameras and addresses.
    """

    read: Callable[..., Iterator[SourceImage]]
    is_video: bool = False
    count: int | None = None
    fps: float | None = None
    may_end: bool = True


def open_source(source: Any) -> Source:
    """Tell what a user gave; files are not read yet.

    Raises:
        ValueError: If there is no such file, nothing fits a pattern, a list or folder
            is empty, or this is nothing that has images.
    """
    if isinstance(source, bool):
        raise ValueError(f'{source} is no image. {EXPECTED}')
    if isinstance(source, str) and not source.strip():
        raise ValueError(f'The source is an empty text. {EXPECTED}')
    if isinstance(source, str) and '://' in source:
        _check_address(source)
    if isinstance(source, int) or (isinstance(source, str) and '://' in source):
        return Source(partial(_frames_of, source), is_video=True, may_end=False)
    if isinstance(source, (str, Path)) and is_video(source):
        header = read_header(source)
        frames = partial(_frames_of, str(source))
        return Source(frames, True, header.count, header.fps)
    if isinstance(source, np.ndarray):
        checked_frame(image_of_array(source))
    items = _items_of(source)
    return Source(partial(_images_of, items), count=len(items))


def videos_of(text: str, as_video: bool | None) -> list[str]:
    """Videos of a folder, or that fit a pattern, without images; else the source."""
    found: list[Path] = []
    if Path(text).is_dir():
        found = list(Path(text).iterdir())
    elif glob.has_magic(text) and not Path(text).exists():
        found = [Path(name) for name in glob.glob(text, recursive=True)]
    videos = [path for path in found if path.suffix.lower() in VIDEO_SUFFIXES]
    if as_video or not videos or any(map(is_image_name, found)):
        return [text]
    return [str(path) for path in sorted(videos, key=natural_key)]


def is_video(path: str | Path) -> bool:
    """Whether a file is none of images; without an ending its content tells."""
    is_image = is_image_name(path) or (
        not Path(path).suffix and cv2.haveImageReader(str(path))
    )
    return Path(path).is_file() and not is_image


def _check_address(source: str) -> None:
    if is_image_name(urlsplit(source).path):
        raise ValueError(
            f'{source} is an image, and images by address are not read: download it, '
            'and give the file.'
        )


def _items_of(source: Any) -> list[Any]:
    """Single images, not read yet: paths, arrays, PIL images."""
    if isinstance(source, (np.ndarray, Image.Image, EncodedImage)):
        return [source]
    if isinstance(source, (str, Path)):
        return paths_of(source)
    if not isinstance(source, Sequence) or isinstance(source, bytes):
        raise ValueError(f'{type(source).__name__} is no image. {EXPECTED}')
    if not source:
        raise ValueError(f'The list of images is empty. {EXPECTED}')
    items = []
    for item in source:
        is_file = isinstance(item, (str, Path))
        if isinstance(item, int) or (
            is_file and (is_video(item) or '://' in str(item))
        ):
            raise ValueError(
                f'A list holds images only, and {item} is a video or camera. Call '
                'once for every video.'
            )
        items.extend(_items_of(item))
    return items


def paths_of(source: str | Path) -> list[str]:
    """Files of a path, folder or pattern, in natural order.

    Raises:
        ValueError: If there is none.
    """
    path = Path(source)
    if path.is_dir():
        return [str(file) for file in images_in(path)]
    if path.is_file():
        return [str(path)]
    if glob.has_magic(str(source)):
        matches = glob.glob(str(source), recursive=True)
        found = sorted(filter(is_image_name, matches), key=natural_key)
        if not found:
            raise ValueError(f'No image fits the pattern {source}.')
        return found
    raise ValueError(f'There is no file or folder {source}. {EXPECTED}')


def _images_of(items: Sequence[Any], on_error: str = 'raise') -> Iterator[SourceImage]:
    """Single images, checked; what is wrong with one is told with its name."""
    for number, item in enumerate(items):
        path = item if isinstance(item, str) else None
        if isinstance(item, Image.Image):
            path = getattr(item, 'filename', '') or None
        if isinstance(item, EncodedImage):
            path = item.name
        name = path or (f'Image {number} (from 0)' if len(items) > 1 else '')
        try:
            image = load_image(item)
            checked_frame(image)
        except ValueError as error:
            skip_or_raise(error, name, on_error)
            continue
        yield SourceImage(image, path, name=name)


def _frames_of(source: str | int, on_error: str = 'raise') -> Iterator[SourceImage]:
    """Frames of a video; what cannot be read ends it, whatever the user wants."""
    for number, (frame, time) in enumerate(read_timed_frames(source)):
        yield SourceImage(frame, None, time, f'frame {number}')
