"""Image files of a folder: which files are images, and in which order they come."""

from __future__ import annotations

import re
from pathlib import Path

IMAGE_SUFFIXES = frozenset({'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff'})


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
