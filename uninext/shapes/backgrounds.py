"""Backgrounds: what lies behind the shapes.

Photographs are those that scikit-image's wheel carries; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data

# CC0 or in the public domain, as scikit-image documents them (skimage.data).
PHOTOS = ('astronaut.png', 'chelsea.png', 'coffee.png', 'rocket.jpg')
MORE_PHOTOS = (*PHOTOS, 'brick.png', 'grass.png', 'gravel.png', 'hubble_deep_field.jpg')
BACKGROUNDS = ('gradient', 'clouds', 'photo')
MORE_BACKGROUNDS = (*BACKGROUNDS, 'grain', 'tiles')
COLOR_SHARE = 0.55  # the rest is gray: words for colours stay true of objects alone


def draw_background(
    rng: np.random.Generator,
    size_wh: tuple[int, int],
    kinds: Sequence[str] = BACKGROUNDS,
    photos: Sequence[str] = PHOTOS,
) -> np.ndarray:
    """Draw a muted image with a clutter of lines: (H, W, 3) float32 RGB, 0 to 255.

    Raises:
        FileNotFoundError: If a photograph is not where scikit-image ships it.
    """
    kind = str(rng.choice(list(kinds)))
    if kind == 'photo':
        image = _crop_photo(rng, size_wh, photos)
    else:
        image = _PAINTERS[kind](rng, size_wh)
    image = COLOR_SHARE * image + (1 - COLOR_SHARE) * image.mean(-1, keepdims=True)
    image = np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.float32)
    longest = max(size_wh)
    for _ in range(int(rng.integers(4, 12))):
        ends = rng.integers(0, longest, (2, 2)) * np.array(size_wh) // longest
        gray = float(rng.uniform(40, 200))
        start, end = ends.tolist()
        cv2.line(image, start, end, (gray,) * 3, max(1, longest // 128), cv2.LINE_AA)
    return image


def _gradient(rng: np.random.Generator, size_wh: tuple[int, int]) -> np.ndarray:
    ends = rng.uniform(30, 225, (2, 3))
    angle = rng.uniform(0, 2 * np.pi)
    width, height = size_wh
    rows, columns = np.mgrid[:height, :width]
    along = (rows / height - 0.5) * np.sin(angle)
    along = along + (columns / width - 0.5) * np.cos(angle)
    weight = np.clip(along + 0.5, 0, 1)[..., None]
    return ends[0] * weight + ends[1] * (1 - weight)


def _clouds(rng: np.random.Generator, size_wh: tuple[int, int]) -> np.ndarray:
    coarse = rng.uniform(40, 215, (6, 6, 3)).astype(np.float32)
    return cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)


def _grain(rng: np.random.Generator, size_wh: tuple[int, int]) -> np.ndarray:
    """Noise of four scales around one colour."""
    image = np.tile(rng.uniform(70, 180, 3), (*size_wh[::-1], 1)).astype(np.float32)
    for cells in (5, 11, 23, 47):
        noise = rng.normal(0, 70 / cells**0.4, (cells, cells, 1)).astype(np.float32)
        noise = cv2.resize(noise, size_wh, interpolation=cv2.INTER_LINEAR)
        image += noise[..., None]
    return image


def _tiles(rng: np.random.Generator, size_wh: tuple[int, int]) -> np.ndarray:
    """A turned chessboard of two similar colours."""
    first = rng.uniform(60, 190, 3)
    second = first + rng.uniform(-45, 45, 3)
    angle, side = rng.uniform(0, np.pi), rng.uniform(0.06, 0.2) * min(size_wh)
    rows, columns = np.mgrid[: size_wh[1], : size_wh[0]]
    across = np.floor((columns * np.cos(angle) + rows * np.sin(angle)) / side)
    down = np.floor((rows * np.cos(angle) - columns * np.sin(angle)) / side)
    return np.where(((across + down) % 2 == 0)[..., None], first, second)


def _crop_photo(
    rng: np.random.Generator, size_wh: tuple[int, int], photos: Sequence[str]
) -> np.ndarray:
    photo = load_photo(str(rng.choice(list(photos))))
    height, width = photo.shape[:2]
    aspect = size_wh[0] / size_wh[1]
    share = rng.uniform(0.5, 1.0)
    crop_height = int(share * min(height, width / aspect))
    crop_width = int(share * min(width, height * aspect))
    top = int(rng.integers(0, height - crop_height + 1))
    left = int(rng.integers(0, width - crop_width + 1))
    crop = photo[top : top + crop_height, left : left + crop_width]
    return cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA).astype(float)


@lru_cache(maxsize=len(MORE_PHOTOS))
def load_photo(name: str) -> np.ndarray:
    """Read a photograph of scikit-image, one of ``MORE_PHOTOS``: (H, W, 3) uint8 RGB.

    Raises:
        FileNotFoundError: If it is not there.
    """
    path = Path(skimage.data.__file__).parent / name
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if photo is None:
        raise FileNotFoundError(
            f'{path} is missing: scikit-image ships it in its wheel. Reinstall '
            'scikit-image to generate backgrounds.'
        )
    return photo[..., ::-1]


_PAINTERS = {
    'gradient': _gradient,
    'clouds': _clouds,
    'grain': _grain,
    'tiles': _tiles,
}
