"""Image files: which of a folder are images, their order, their size once loaded."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from PIL import ExifTags, Image

IMAGE_SUFFIXES = frozenset({'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff'})

# What PIL raises on files that are no images, damaged, or of too many pixels. Not
# MemoryError, and not what only a fault of the code raises.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)

_FIRST_TURNED = 5  # EXIF orientations from this on swap width and height


def is_image_name(path: str | Path) -> bool:
    """Whether a file is called like an image."""
    return Path(path).suffix.lower() in IMAGE_SUFFIXES


def natural_key(name: str | Path) -> tuple[tuple[str | int, ...], str]:
    """Sort key that counts numbers as numbers: ``a-2`` before ``a-10``.

    Names that differ in leading zeros alone come in the order of their letters.
    """
    text = str(name)
    parts = re.split(r'([0-9]+)', text)  # text and numbers take turns
    key = tuple(int(part) if i % 2 else part for i, part in enumerate(parts))
    return key, text


def list_images(folder: str | Path) -> list[Path]:
    """Image files of a folder in natural order; [] if there is no such folder."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if is_image_name(path))
    return sorted(files, key=lambda path: natural_key(path.name))


def turned_size_wh(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that is turned by its EXIF orientation, in pixels.

    Args:
        image: As it is stored; only its header is read.
    """
    if image.format == 'PNG' and 'exif' not in image.info:
        return image.size  # asking for its EXIF would decode it
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return image.size[::-1] if orientation >= _FIRST_TURNED else image.size
