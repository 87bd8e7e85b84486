"""Videos in which one object is hidden for a number of frames, and comes back.

The number is exact by construction. Shape legend: T frames, N of them hidden.
"""

from __future__ import annotations

import numpy as np

from uninext.shapes.backgrounds import MORE_BACKGROUNDS, MORE_PHOTOS, draw_background
from uninext.shapes.motion import Path
from uninext.shapes.painting import MAX_TILT, TEXTURE_SHARES
from uninext.shapes.videos import MovingObject, VideoScene, draw_sprite
from uninext.shapes.vocabulary import CATEGORIES, COLORS, SIZES, TEXTURES

KINDS = ('occluded', 'left', 'twins')
SEEN = 6  # frames in which the object is seen, before and again afterwards
HIDDEN = 0  # index of the object that is hidden, in the scene
WALL = 'square'  # what hides it; upright, so that its width is known
WALL_RADIUS = SIZES['large'][1]
EDGE = 0.1  # of its radius: how far from the edge the object's centre is last seen
DRIFT = 0.002  # of the side: way of the other objects in a frame


def draw_hidden(
    rng: np.random.Generator,
    kind: str,
    num_hidden: int,
    size_wh: tuple[int, int] = (320, 240),
) -> VideoScene:
    """Draw a video of ``SEEN`` + N + ``SEEN`` frames; the same state gives the same.

    The object ``HIDDEN`` moves along a line. ``occluded``: N frames behind another
    shape; ``left``: N frames outside of the image, it returns where it left; ``twins``:
    one of both by chance, while another object of the same category, colour, size and
    texture stays in sight. One more object, of another category, is always seen.

    Args:
        rng: Source of all randomness.
        kind: One of ``KINDS``.
        num_hidden: N, at least 1.
        size_wh: Width and height, pixels; landscape.

    Raises:
        ValueError: If there is no such kind, N is below 1, or there is no room.
    """
    if kind not in KINDS:
        raise ValueError(f'kind must be one of {KINDS}, got {kind!r}.')
    if num_hidden < 1:
        raise ValueError(f'num_hidden must be at least 1, got {num_hidden}.')
    width, height = size_wh
    if width < 1.25 * height:
        raise ValueError(f'size_wh must be landscape, as 320 x 240; got {size_wh}.')
    leaves = kind == 'left' or (kind == 'twins' and bool(rng.random() < 0.5))
    radius = height * float(rng.uniform(*SIZES['small']))
    xs = _way_out(width, radius, num_hidden)
    if not leaves:
        xs = _way_behind(width, height * WALL_RADIUS, radius, num_hidden)
    low = height * float(rng.uniform(0.64, 0.72))
    target, other = rng.choice([c for c in CATEGORIES if c != WALL], 2, replace=False)
    colors = rng.choice(list(COLORS), 2, replace=False)
    texture = str(rng.choice(TEXTURES, p=TEXTURE_SHARES))
    looks = (str(target), str(colors[0]), texture)
    drift = height * DRIFT * np.arange(len(xs))
    high = height * float(rng.uniform(0.16, 0.24))
    objects = [_moving(rng, looks, xs, np.full(len(xs), low), radius)]
    if kind == 'twins':
        objects.append(_moving(rng, looks, 0.72 * width + drift, high, radius))
    if not leaves:
        wall = (WALL, str(colors[1]), texture)
        at = np.full(len(xs), width / 2)
        objects.append(_moving(rng, wall, at, low, height * WALL_RADIUS, 'large', 0))
    more = (str(other), str(colors[1]), texture)
    objects.append(_moving(rng, more, 0.2 * width + drift, high, radius))
    if rng.random() < 0.5:
        objects = [_mirrored(one, width) for one in objects]
    background = draw_background(
        rng, (width + 2, height + 2), MORE_BACKGROUNDS, MORE_PHOTOS
    )
    camera, seed = np.zeros((len(xs), 2)), int(rng.integers(2**31))
    return VideoScene(background, 1, camera, tuple(objects), seed)


def _way_behind(
    width: int, wall_radius: float, radius: float, num_hidden: int
) -> np.ndarray:
    """(T,) x of a centre that goes behind an upright square in the middle."""
    half = wall_radius / np.sqrt(2)
    edge, inside = half + EDGE * radius, half - radius - 2
    before = np.linspace(-edge - 0.25 * width, -edge, SEEN)
    behind = np.linspace(-inside, inside, num_hidden) if num_hidden > 1 else np.zeros(1)
    return width / 2 + np.concatenate([before, behind, -before[::-1]])


def _way_out(width: int, radius: float, num_hidden: int) -> np.ndarray:
    """(T,) x of a centre that leaves at the left, and comes back."""
    before = np.linspace(0.3 * width, EDGE * radius, SEEN)
    outside = np.full(num_hidden, -1.1 * radius - 3)
    return np.concatenate([before, outside, before[::-1]])


def _moving(
    rng: np.random.Generator,
    looks: tuple[str, str, str],
    xs: np.ndarray,
    y: np.ndarray | float,
    radius: float,
    size: str = 'small',
    tilt: float = MAX_TILT,
) -> MovingObject:
    """Category, color and texture at (T,) places."""
    category, color, texture = looks
    centers = np.stack([xs, np.broadcast_to(y, xs.shape)], axis=1)
    angles = np.full(len(xs), rng.uniform(-tilt, tilt))
    path = Path(centers, np.full(len(xs), radius), angles, size)
    words = dict(category=category, color=color, size=size, texture=texture)
    return MovingObject(words, path, draw_sprite(rng, color, texture))


def _mirrored(one: MovingObject, width: int) -> MovingObject:
    """The same on the other side of the image."""
    path = one.path
    centers = path.centers * [-1, 1] + [width - 1, 0]
    way = Path(centers, path.radii, path.angles, path.size)
    return MovingObject(one.words, way, one.sprite)
