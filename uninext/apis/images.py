"""Image files and PIL images of users as (H, W, 3) uint8 BGR.

What cannot be used is an error, or a warning, that names the file.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps

from uninext.utils.error_origin import is_for_users
from uninext.utils.image_files import UNREADABLE

_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}  # by number of channels
ORIENTATION = 0x0112  # key of EXIF
_SOI, _EOI, _SOS = b'\xff\xd8', b'\xff\xd9', 0xDA
_BARE_MARKERS = {0x01, *range(0xD0, 0xD8)}  # markers of JPEG without a length


class SourceError(ValueError):
    """An image, or a video, that cannot be used; its message names it."""


class SourceWarning(UserWarning):
    """Of an image, or a video, only a part can be used; the message names it."""


class SkippedImageWarning(SourceWarning):
    """An image was left out; the message names it and says why.

    Attributes:
        name: Of the image.
    """

    def __init__(self, message: str, name: str = '') -> None:
        super().__init__(message)
        self.name = name


class EncodedImage(NamedTuple):
    """An image as its file has it, in memory.

    Attributes:
        content: Of the file.
        name: What messages call it, and results have as ``path``.
    """

    content: bytes
    name: str


def skip_or_raise(error: ValueError, name: str, on_error: str) -> None:
    """Treat an image that cannot be used as the user wants it.

    Args:
        error: What is wrong with it.
        name: Of the image; added to the message if it is not there.
        on_error: 'raise' raises the error; 'skip' warns.

    Raises:
        SourceError: With the name; what is no error of the user's is raised as it is.
    """
    if not is_for_users(error):
        raise error
    message = str(error) if name in str(error) else f'{name}: {error}'
    if on_error == 'raise':
        raise SourceError(message) from error
    warning = SkippedImageWarning(f'skipped: {message}', name)
    warnings.warn(warning, stacklevel=3)


def read_image(path: str | Path, name: str = '') -> np.ndarray:
    """Read an image file; it is turned as its EXIF data say.

    A JPEG file whose end is missing is read as far as it goes, with a
    :class:`SourceWarning`.

    Args:
        path: Of the file.
        name: What messages call it, if not by its path.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        SourceError: If it is damaged, or no image.
    """
    name = name or str(path)
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:  # its header tells of 2**30 pixels or more
        raise SourceError(
            f'Cannot read {name}: it is damaged, or too large.'
        ) from error
    if image is None:
        raise SourceError(f'Cannot read {name}: it is damaged, or no image.')
    if _is_webp(Path(path)):
        try:
            with Image.open(path) as header:
                exif = header.getexif()
        except UNREADABLE as error:
            raise SourceError(f'Cannot read the header of {name}: {error}.') from error
        if exif.get(ORIENTATION, 1) != 1:
            turned = Image.fromarray(image)
            turned.getexif()[ORIENTATION] = exif[ORIENTATION]
            image = np.ascontiguousarray(ImageOps.exif_transpose(turned))
    if is_cut_jpeg(Path(path)):
        warnings.warn(
            f'{name} is damaged: the end of the file is missing, and with it a part '
            'of the image, which is grey.',
            SourceWarning,
            stacklevel=2,
        )
    return image


def decode_image(image: EncodedImage) -> np.ndarray:
    """Read an image in memory as its file would be read.

    By way of a file, since OpenCV decodes what is damaged otherwise in memory.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        SourceError: If it is damaged, or no image.
    """
    with tempfile.NamedTemporaryFile(prefix='uninext-') as file:
        file.write(image.content)
        file.flush()
        return read_image(file.name, image.name)


def _is_webp(path: Path) -> bool:
    """Whether OpenCV does not turn it: it reads the orientation of JPEG and PNG."""
    with path.open('rb') as file:
        return file.read(12)[8:] == b'WEBP'


def image_of_array(array: np.ndarray) -> np.ndarray:
    """Take an array as a file of its kind would be read.

    Args:
        array: uint8, grey (H, W) or (H, W, 1), BGR, or BGRA, whose alpha is left out.

    Returns:
        (H, W, 3) uint8 BGR; anything else is returned as it is.
    """
    code = _TO_BGR.get(array.shape[2] if array.ndim == 3 else array.ndim - 1)
    if code is None or array.ndim > 3 or array.dtype != np.uint8 or not array.size:
        return array
    return cv2.cvtColor(np.ascontiguousarray(array), code)


def load_image(image: Any) -> Any:
    """An image of a path, an array, a PIL image or an encoded one.

    Returns:
        (H, W, 3) uint8 BGR; what is none of these is returned as it is.

    Raises:
        SourceError: If it cannot be read.
    """
    if isinstance(image, np.ndarray):
        return image_of_array(image)
    if isinstance(image, Image.Image):
        return image_of_pil(image)
    if isinstance(image, EncodedImage):
        return decode_image(image)
    return read_image(image) if isinstance(image, (str, Path)) else image


def is_cut_jpeg(path: Path) -> bool:
    """Whether a file is a JPEG image without its end."""
    with path.open('rb') as file:
        if file.read(2) != _SOI:
            return False
        content = file.read()
    place = 0
    while content[place : place + 1] == b'\xff':  # a segment of the header
        marker = content[place + 1 : place + 2]
        if marker == b'\xff':  # a filling byte
            place += 1
        elif marker and marker[0] == _SOS:  # compressed data have no such bytes
            return content.find(_EOI, place) < 0
        elif marker and marker[0] in _BARE_MARKERS:
            place += 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], 'big')
    return True


def image_of_pil(image: Image.Image) -> np.ndarray:
    """Take a PIL image as its file would be read.

    Returns:
        (H, W, 3) uint8 BGR; of 16 bits the upper 8.

    Raises:
        SourceError: If its file is damaged, or its numbers have no range that is known.
    """
    try:
        image = ImageOps.exif_transpose(image)
        image.load()
    except UNREADABLE as error:
        raise SourceError(f'A PIL image cannot be read: {error}.') from error
    if image.mode.startswith('I'):
        values = np.asarray(image)
        if values.min(initial=0) < 0 or values.max(initial=0) > np.iinfo(np.uint16).max:
            raise SourceError(
                f'A PIL image of the mode {image.mode} must have 16 bits, 0..65535, '
                f'got {values.min()}..{values.max()}. Give an array uint8.'
            )
        image = Image.fromarray((values >> 8).astype(np.uint8))
    elif image.mode == 'F':
        raise SourceError(
            'A PIL image of the mode F (floats) has no range that is known. Scale it '
            'to 0..255, and give an array uint8 or an image of the mode L or RGB.'
        )
    return cv2.cvtColor(np.asarray(image.convert('RGB')), cv2.COLOR_RGB2BGR)
