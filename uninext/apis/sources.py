"""Pictures and videos of users, in whatever form they come; read one at a time.

A path, array, picture, folder, pattern, list, camera or address enters; pictures leave.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps

from uninext.apis.video import read_frames
from uninext.models.sessions.inputs import checked_frame
from uninext.utils.image_files import (
    IMAGE_SUFFIXES,
    is_image_name,
    list_images,
    natural_key,
)

EXPECTED = (
    'Give the path of a picture or video, a folder, a pattern such as "frames/*.jpg", '
    'an array (height, width, 3) uint8 BGR, a PIL image, a list of these, the number '
    'of a camera, or an address such as rtsp://...'
)


class Picture(NamedTuple):
    """A picture and where it came from.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        path: Of its file; None if it was an array or a frame of a video.
    """

    image: np.ndarray
    path: str | None


@dataclass
class Source:
    """What a user gave, understood.

    Attributes:
        read: Opens it; pictures are read one by one.
        is_video: Whether the pictures are frames.
        count: How many there are; None if that is not known.
        may_end: False for cameras and addresses.
    """

    read: Callable[[], Iterator[Picture]]
    is_video: bool = False
    count: int | None = None
    may_end: bool = True


def open_source(source: Any) -> Source:
    """Tell what a user gave; files are not read yet.

    Args:
        source: See :class:`uninext.apis.UninextInferencer`.

    Raises:
        ValueError: If there is no such file, nothing fits a pattern, a list or folder
            is empty, or this is nothing that has pictures.
    """
    if isinstance(source, bool):
        raise ValueError(f'{source} is no picture. {EXPECTED}')
    if isinstance(source, int):
        return Source(lambda: _frames_of(source), is_video=True, may_end=False)
    if isinstance(source, str) and '://' in source:
        return Source(lambda: _frames_of(source), is_video=True, may_end=False)
    if isinstance(source, (str, Path)) and _is_video(source):
        path = str(source)
        return Source(lambda: _frames_of(path), True, _length_of(path))
    items = _items_of(source)
    return Source(lambda: map(_load, items), count=len(items))


def load_mask(mask: Any) -> Any:
    """A mask of a file; anything else is returned as it is.

    Args:
        mask: Path of a picture that is 0 outside of the target, or an array.

    Raises:
        ValueError: If the file cannot be read.
    """
    if not isinstance(mask, (str, Path)):
        return mask
    pixels = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError(
            f'The mask {mask} cannot be read. Give a picture that is 0 outside of the '
            'target, or an array (height, width).'
        )
    return pixels > 0 if pixels.ndim == 2 else (pixels[..., :3] > 0).any(-1)


def _is_video(path: str | Path) -> bool:
    return Path(path).is_file() and not is_image_name(path)


def _items_of(source: Any) -> list[Any]:
    """Single pictures, not read yet: paths, arrays, PIL images."""
    if isinstance(source, np.ndarray):
        checked_frame(source)
        return [source]
    if isinstance(source, Image.Image):
        return [source]
    if isinstance(source, (str, Path)):
        return _paths_of(source)
    if not isinstance(source, Sequence):
        raise ValueError(f'{type(source).__name__} is no picture. {EXPECTED}')
    if not source:
        raise ValueError(f'The list of pictures is empty. {EXPECTED}')
    items = []
    for item in source:
        is_file = isinstance(item, (str, Path))
        if isinstance(item, int) or (
            is_file and (_is_video(item) or '://' in str(item))
        ):
            raise ValueError(
                f'A list holds pictures only, and {item} is a video or camera. Call '
                'once for every video.'
            )
        items.extend(_items_of(item))
    return items


def _paths_of(source: str | Path) -> list[str]:
    """Files of a path, folder or pattern, in natural order."""
    path = Path(source)
    if path.is_dir():
        found = [str(file) for file in list_images(path)]
        if not found:
            raise ValueError(
                f'The folder {path} holds no picture '
                f'({", ".join(sorted(IMAGE_SUFFIXES))}).'
            )
        return found
    if path.is_file():
        return [str(path)]
    if glob.has_magic(str(source)):
        matches = glob.glob(str(source), recursive=True)
        found = sorted(filter(is_image_name, matches), key=natural_key)
        if not found:
            raise ValueError(f'No picture fits the pattern {source}.')
        return found
    raise ValueError(f'There is no file or folder {source}. {EXPECTED}')


def _load(item: Any) -> Picture:
    if isinstance(item, np.ndarray):
        return Picture(item, None)
    if isinstance(item, Image.Image):
        rgb = np.asarray(ImageOps.exif_transpose(item).convert('RGB'))
        path = getattr(item, 'filename', '') or None
        return Picture(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), path)
    image = cv2.imread(item, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f'Cannot read {item}: it is damaged, or no picture.')
    return Picture(image, item)


def _frames_of(source: str | int) -> Iterator[Picture]:
    for frame in read_frames(source):
        yield Picture(frame, None)


def _length_of(path: str) -> int | None:
    """Frames of a video file as its header says."""
    capture = cv2.VideoCapture(path)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return count if count > 0 else None
