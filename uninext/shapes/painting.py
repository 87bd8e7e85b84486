"""What scenes and videos paint alike: textures, and files of images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

MAX_TILT = np.pi / 9  # radians; more would turn one shape into another
TEXTURE_SHARES = (0.5, 0.25, 0.25)  # of TEXTURES
DARK = 0.45  # of the colour, in stripes and dots
RIM = 0.4  # the same of the rim


def check_request(size_wh: tuple[int, int], num_objects: tuple[int, int]) -> None:
    """Refuse scenes that cannot be.

    Raises:
        ValueError: If a side is below 64 or ``num_objects``, least and most, is no
            range from 1 to 200.
    """
    low, high = num_objects
    if min(size_wh) < 64:
        raise ValueError(f'size must be at least 64 pixels, got {size_wh}.')
    if not 1 <= low <= high <= 200:
        raise ValueError(
            f'num_objects must be 1 <= low <= high <= 200, got {num_objects}.'
        )


def dark_parts(
    rng: np.random.Generator, texture: str, size_wh: tuple[int, int], period: float
) -> np.ndarray:
    """(H, W) bool, where a texture is dark; stripes and dots come every ``period``."""
    rows, columns = np.mgrid[: size_wh[1], : size_wh[0]]
    if texture == 'striped':
        angle = rng.uniform(0, np.pi)
        along = rows * np.sin(angle) + columns * np.cos(angle)
        return np.sin(2 * np.pi * along / period) > 0.2
    if texture == 'dotted':
        down, across = rows % period - period / 2, columns % period - period / 2
        return down**2 + across**2 < (0.3 * period) ** 2
    return np.zeros(rows.shape, bool)


def write_jpeg(path: Path, image: np.ndarray, quality: int = 90) -> None:
    """Write an (H, W, 3) uint8 RGB image.

    Raises:
        OSError: If it cannot be written.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if not cv2.imwrite(str(path), image[..., ::-1], options):
        raise OSError(f'{path} could not be written. Is the disk full?')
