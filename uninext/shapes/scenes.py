"""Scenes: which objects stand where, and how that looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from uninext.shapes.backgrounds import draw_background
from uninext.shapes.expressions import CLEAR_IN_IMAGES, Facts
from uninext.shapes.painting import (
    DARK,
    MAX_TILT,
    RIM,
    TEXTURE_SHARES,
    check_request,
    dark_parts,
)
from uninext.shapes.vocabulary import (
    CATEGORIES,
    COLORS,
    RING_HOLE,
    SIZES,
    TEXTURES,
    outline_of,
)

MAX_TRIES = 60  # per object; a place that hides too much is drawn again
MIN_VISIBLE = 0.6  # share of an object that nothing may cover


@dataclass(frozen=True)
class SceneObject:
    """One shape of a scene.

    Attributes:
        words: ``category, color, size, texture``, as ``vocabulary`` has them.
        mask: Visible part, (H, W) bool; never written to.
    """

    words: dict[str, str]
    mask: np.ndarray

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Tight box xyxy around the visible part, pixels, end exclusive."""
        rows = np.flatnonzero(self.mask.any(1))
        columns = np.flatnonzero(self.mask.any(0))
        left, right = columns[[0, -1]].tolist()
        top, bottom = rows[[0, -1]].tolist()
        return left, top, right + 1, bottom + 1

    @property
    def center(self) -> tuple[float, float]:
        """Centre xy of the box, pixels."""
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2


@dataclass(frozen=True)
class Scene:
    """An image and what it shows.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        objects: At least one, from the back to the front.
    """

    image: np.ndarray
    objects: tuple[SceneObject, ...]

    @property
    def facts(self) -> Facts:
        """What expressions are made from."""
        return Facts(
            size=min(self.image.shape[:2]),
            words=tuple(obj.words for obj in self.objects),
            centers=np.array([obj.center for obj in self.objects]).reshape(-1, 1, 2),
            margin=CLEAR_IN_IMAGES,
        )


def draw_scene(
    rng: np.random.Generator,
    size: int | tuple[int, int] = 256,
    num_objects: tuple[int, int] = (3, 6),
) -> Scene:
    """Draw a scene; the same generator state gives the same scene.

    Colours and categories repeat on purpose: within a scene only a few of each are
    used, so that an expression has something to distinguish.

    Args:
        rng: Source of all randomness.
        size: Width and height of the image in pixels, or the side of a square.
        num_objects: Least and most objects; fewer only if there is no room.

    Raises:
        ValueError: As :func:`check_request`.
    """
    size_wh = (size, size) if isinstance(size, int) else size
    check_request(size_wh, num_objects)
    image = draw_background(rng, size_wh)
    categories = rng.choice(CATEGORIES, rng.integers(2, 4), replace=False)
    colors = rng.choice(list(COLORS), rng.integers(2, 4), replace=False)
    full_areas: list[int] = []
    objects: list[SceneObject] = []
    for _ in range(int(rng.integers(num_objects[0], num_objects[1] + 1))):
        words = {
            'category': str(rng.choice(categories)),
            'color': str(rng.choice(colors)),
            'size': str(rng.choice(list(SIZES))),
            'texture': str(rng.choice(TEXTURES, p=TEXTURE_SHARES)),
        }
        mask = _find_room(rng, words, size_wh, objects, full_areas)
        if mask is None:
            continue
        objects = [SceneObject(obj.words, obj.mask & ~mask) for obj in objects]
        objects.append(SceneObject(words, mask))
        full_areas.append(int(mask.sum()))
        _paint_object(rng, image, objects[-1])
    noise = rng.normal(0, 4, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return Scene(image, tuple(objects))


def _find_room(
    rng: np.random.Generator,
    words: dict[str, str],
    size_wh: tuple[int, int],
    objects: list[SceneObject],
    full_areas: list[int],
) -> np.ndarray | None:
    """Mask of a new object that leaves enough of every other; None if no room."""
    low, high = SIZES[words['size']]
    for _ in range(MAX_TRIES):
        radius = rng.uniform(low, high) * min(size_wh)
        center = rng.uniform(radius + 2, np.array(size_wh) - radius - 2)
        tilt = rng.uniform(-MAX_TILT, MAX_TILT)
        mask = _rasterize(words['category'], center, radius, tilt, size_wh)
        visible = [int((obj.mask & ~mask).sum()) for obj in objects]
        if all(v >= MIN_VISIBLE * area for v, area in zip(visible, full_areas)):
            return mask
    return None


def _rasterize(
    category: str,
    center: np.ndarray,
    radius: float,
    tilt: float,
    size_wh: tuple[int, int],
) -> np.ndarray:
    cos, sin = np.cos(tilt), np.sin(tilt)
    turn = np.array([[cos, -sin], [sin, cos]])
    polygon = outline_of(category) @ turn.T * radius + center
    mask = np.zeros(size_wh[::-1], np.uint8)
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    if category == 'ring':
        hole = polygon * RING_HOLE + center * (1 - RING_HOLE)
        cv2.fillPoly(mask, [np.round(hole).astype(np.int32)], 0)
    return mask.astype(bool)


def _paint_object(
    rng: np.random.Generator, image: np.ndarray, obj: SceneObject
) -> None:
    """Fill the mask with the textured colour and a darker rim, in place."""
    height, width = image.shape[:2]
    color = np.array(COLORS[obj.words['color']]) + rng.uniform(-12, 12, 3)
    period = min(height, width) / 22
    dark = dark_parts(rng, obj.words['texture'], (width, height), period)
    shade = np.where(dark, DARK, 1.0) * rng.uniform(0.85, 1.05)
    filled = color * shade[..., None]
    image[obj.mask] = np.clip(filled[obj.mask], 0, 255)
    eroded = cv2.erode(obj.mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    image[obj.mask & (eroded == 0)] = np.clip(color * RIM, 0, 255)
