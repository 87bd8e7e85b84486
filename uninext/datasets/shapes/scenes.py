"""Scenes: which objects stand where, and how that looks.

Second step of the flow: a random generator enters, a picture and its objects leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from uninext.datasets.shapes.vocabulary import (
    CATEGORIES,
    COLORS,
    RING_HOLE,
    SIZES,
    TEXTURES,
    outline_of,
)

# Photographs that scikit-image's wheel carries; nothing is downloaded.
PHOTOS = ('astronaut.png', 'chelsea.png', 'coffee.png', 'rocket.jpg')
MAX_TRIES = 60  # per object; a place that hides too much is drawn again
MIN_VISIBLE = 0.6  # share of an object that nothing may cover
MAX_TILT = np.pi / 9  # radians; more would turn one shape into another


@dataclass(frozen=True)
class SceneObject:
    """One shape of a scene.

    Attributes:
        category: One of ``CATEGORIES``.
        color: Key of ``COLORS``.
        size: Key of ``SIZES``.
        texture: One of ``TEXTURES``.
        mask: Visible part, (S, S) bool.
    """

    category: str
    color: str
    size: str
    texture: str
    mask: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Tight box xyxy around the visible part, pixels, end exclusive."""
        rows = np.flatnonzero(self.mask.any(1))
        columns = np.flatnonzero(self.mask.any(0))
        return (
            int(columns[0]),
            int(rows[0]),
            int(columns[-1]) + 1,
            int(rows[-1]) + 1,
        )

    @property
    def center(self) -> tuple[float, float]:
        """Centre xy of the box, pixels."""
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2


@dataclass(frozen=True)
class Scene:
    """A picture and what it shows.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        objects: At least one, from the back to the front.
    """

    image: np.ndarray
    objects: tuple[SceneObject, ...]


def draw_scene(
    rng: np.random.Generator, size: int = 256, num_objects: tuple[int, int] = (3, 6)
) -> Scene:
    """Draw a scene; the same generator state gives the same scene.

    Colours and categories repeat on purpose: within a scene only a few of each are
    used, so that a sentence has something to distinguish.

    Args:
        rng: Source of all randomness.
        size: Side of the square picture, pixels.
        num_objects: Least and most objects; fewer only if there is no room.

    Raises:
        ValueError: If ``size`` is below 64 or ``num_objects`` is no range.
    """
    low, high = num_objects
    if size < 64:
        raise ValueError(f'size must be at least 64 pixels, got {size}.')
    if not 1 <= low <= high:
        raise ValueError(f'num_objects must be 1 <= low <= high, got {num_objects}.')
    image = _draw_background(rng, size)
    categories = rng.choice(CATEGORIES, rng.integers(2, 4), replace=False)
    colors = rng.choice(list(COLORS), rng.integers(2, 4), replace=False)
    full_areas: list[int] = []
    objects: list[SceneObject] = []
    for _ in range(int(rng.integers(low, high + 1))):
        words = {
            'category': str(rng.choice(categories)),
            'color': str(rng.choice(colors)),
            'size': str(rng.choice(list(SIZES))),
            'texture': str(rng.choice(TEXTURES, p=(0.5, 0.25, 0.25))),
        }
        mask = _find_room(rng, words, size, objects, full_areas)
        if mask is None:
            continue
        objects = [_cover(obj, mask) for obj in objects]
        objects.append(SceneObject(**words, mask=mask))
        full_areas.append(int(mask.sum()))
        _paint_object(rng, image, objects[-1])
    noise = rng.normal(0, 4, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return Scene(image, tuple(objects))


def _find_room(
    rng: np.random.Generator,
    words: dict[str, str],
    size: int,
    objects: list[SceneObject],
    full_areas: list[int],
) -> np.ndarray | None:
    """Mask of a new object that leaves enough of every other; None if no room."""
    low, high = SIZES[words['size']]
    for _ in range(MAX_TRIES):
        radius = rng.uniform(low, high) * size
        center = rng.uniform(radius + 2, size - radius - 2, 2)
        tilt = rng.uniform(-MAX_TILT, MAX_TILT)
        mask = _rasterize(words['category'], center, radius, tilt, size)
        visible = [int((obj.mask & ~mask).sum()) for obj in objects]
        if all(v >= MIN_VISIBLE * area for v, area in zip(visible, full_areas)):
            return mask
    return None


def _rasterize(
    category: str, center: np.ndarray, radius: float, tilt: float, size: int
) -> np.ndarray:
    cos, sin = np.cos(tilt), np.sin(tilt)
    turn = np.array([[cos, -sin], [sin, cos]])
    polygon = outline_of(category) @ turn.T * radius + center
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    if category == 'ring':
        hole = polygon * RING_HOLE + center * (1 - RING_HOLE)
        cv2.fillPoly(mask, [np.round(hole).astype(np.int32)], 0)
    return mask.astype(bool)


def _cover(obj: SceneObject, mask: np.ndarray) -> SceneObject:
    return SceneObject(obj.category, obj.color, obj.size, obj.texture, obj.mask & ~mask)


def _paint_object(
    rng: np.random.Generator, image: np.ndarray, obj: SceneObject
) -> None:
    """Fill the mask with the textured colour and a darker rim, in place."""
    size = image.shape[0]
    color = np.array(COLORS[obj.color]) + rng.uniform(-12, 12, 3)
    rows, columns = np.mgrid[:size, :size]
    period = size / 22
    if obj.texture == 'striped':
        angle = rng.uniform(0, np.pi)
        along = rows * np.sin(angle) + columns * np.cos(angle)
        dark = np.sin(2 * np.pi * along / period) > 0.2
    elif obj.texture == 'dotted':
        dark = (rows % period - period / 2) ** 2 + (
            columns % period - period / 2
        ) ** 2 < (0.3 * period) ** 2
    else:
        dark = np.zeros((size, size), bool)
    shade = np.where(dark, 0.45, 1.0) * rng.uniform(0.85, 1.05)
    filled = color * shade[..., None]
    image[obj.mask] = np.clip(filled[obj.mask], 0, 255)
    eroded = cv2.erode(obj.mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    image[obj.mask & (eroded == 0)] = np.clip(color * 0.4, 0, 255)


def _draw_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gradient, cloud or photograph with line clutter; (S, S, 3) float RGB."""
    kind = rng.choice(['gradient', 'clouds', 'photo'])
    if kind == 'photo':
        image = _crop_photo(rng, size)
    elif kind == 'clouds':
        coarse = rng.uniform(40, 215, (6, 6, 3)).astype(np.float32)
        image = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    else:
        ends = rng.uniform(30, 225, (2, 3))
        angle = rng.uniform(0, 2 * np.pi)
        rows, columns = np.mgrid[:size, :size] / size - 0.5
        along = rows * np.sin(angle) + columns * np.cos(angle)
        weight = np.clip(along + 0.5, 0, 1)[..., None]
        image = ends[0] * weight + ends[1] * (1 - weight)
    # Muted, so that the words for colours stay true of the objects alone.
    image = 0.55 * image + 0.45 * image.mean(-1, keepdims=True)
    image = np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.float32)
    for _ in range(int(rng.integers(4, 12))):
        start, end = rng.integers(0, size, (2, 2)).tolist()
        gray = float(rng.uniform(40, 200))
        cv2.line(image, start, end, (gray,) * 3, max(1, size // 128), cv2.LINE_AA)
    return image


def _crop_photo(rng: np.random.Generator, size: int) -> np.ndarray:
    photo = _load_photo(str(rng.choice(PHOTOS)))
    height, width = photo.shape[:2]
    side = int(rng.uniform(0.5, 1.0) * min(height, width))
    top = int(rng.integers(0, height - side + 1))
    left = int(rng.integers(0, width - side + 1))
    crop = photo[top : top + side, left : left + side]
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA).astype(float)


@lru_cache(maxsize=len(PHOTOS))
def _load_photo(name: str) -> np.ndarray:
    path = Path(skimage.data.__file__).parent / name
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if photo is None:
        raise FileNotFoundError(
            f'{path} is missing: scikit-image ships it in its wheel. Reinstall '
            'scikit-image to generate backgrounds.'
        )
    return photo[..., ::-1]
