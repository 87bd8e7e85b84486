"""Videos: which objects move how, how that looks, and what of each is visible.

A :class:`VideoScene` is random; :func:`render` paints it frame by frame with the owner
of every pixel.

Shape legend: T frames, K objects from the back to the front.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from uninext.shapes.backgrounds import MORE_BACKGROUNDS, MORE_PHOTOS, draw_background
from uninext.shapes.motion import Path, draw_camera, draw_path
from uninext.shapes.painting import (
    DARK,
    RIM,
    TEXTURE_SHARES,
    check_request,
    dark_parts,
)
from uninext.shapes.vocabulary import (
    CATEGORIES,
    COLORS,
    RING_HOLE,
    TEXTURES,
    outline_of,
)

MAX_TRIES = 40  # per object; a path that hides too much is drawn again
MAX_COVERED = 0.35  # share of the frames in which an object may be hidden behind others
SPRITE_SIDE = 96  # pixels of a texture, which spans an object's diameter
SUBPIXEL_BITS = 4  # outlines are placed to 1/16 pixel
NOISE = 4.0  # standard deviation of the noise of the camera, in steps of 255


@dataclass(frozen=True)
class MovingObject:
    """One shape of a video.

    Attributes:
        words: ``category, color, size, texture``, as ``vocabulary`` has them; the size
            is ``small``, ``large`` or ``changing``.
        path: Where it is, as the camera sees it.
        sprite: (S, S, 3) uint8 RGB, its paint; spans its diameter.
    """

    words: dict[str, str]
    path: Path
    sprite: np.ndarray


@dataclass(frozen=True)
class VideoScene:
    """What a video shows.

    Attributes:
        background: (H + 2 P, W + 2 P, 3) float32 RGB with a margin of P pixels for
            the camera's motion.
        margin: P.
        camera: (T, 2) offset xy of the image, pixels; 0 for a camera on a tripod.
        objects: At least one.
        noise_seed: Of the camera's noise.
    """

    background: np.ndarray
    margin: int
    camera: np.ndarray
    objects: tuple[MovingObject, ...]
    noise_seed: int

    def __len__(self) -> int:
        return len(self.camera)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of a frame, pixels."""
        height, width = self.background.shape[:2]
        return width - 2 * self.margin, height - 2 * self.margin


@dataclass(frozen=True)
class Frame:
    """A painted frame.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        owners: (H, W) uint8: k + 1 where object k is what is seen, 0 elsewhere.
        areas: (K,) pixels that each object would have if nothing hid it.
        inside: (K,) those of them within the image.
    """

    image: np.ndarray
    owners: np.ndarray
    areas: np.ndarray
    inside: np.ndarray


def draw_video(
    rng: np.random.Generator,
    size_wh: tuple[int, int] = (320, 240),
    length: int = 24,
    num_objects: tuple[int, int] = (3, 6),
    hand_camera: bool = True,
) -> VideoScene:
    """Draw a video; the same generator state gives the same video.

    At least two objects are of one category, and colours repeat, so that a name alone
    does not say which is meant.

    Args:
        rng: Source of all randomness.
        size_wh: Width and height, pixels.
        length: Frames.
        num_objects: Least and most objects; fewer only if there is no room.
        hand_camera: Let the camera of every second video tremble.

    Raises:
        ValueError: As :func:`check_request`, or if ``length`` is below 1.
    """
    check_request(size_wh, num_objects)
    low, high = num_objects
    if length < 1:
        raise ValueError(f'frames must be at least 1, got {length}.')
    side = min(size_wh)
    margin = int(np.ceil(0.012 * side)) + 1
    padded_wh = (size_wh[0] + 2 * margin, size_wh[1] + 2 * margin)
    background = draw_background(rng, padded_wh, MORE_BACKGROUNDS, MORE_PHOTOS)
    camera = draw_camera(rng, side, length)
    if not hand_camera or rng.random() < 0.5:
        camera = np.zeros((length, 2))
    objects = _draw_objects(rng, size_wh, int(rng.integers(low, high + 1)), camera)
    return VideoScene(background, margin, camera, objects, int(rng.integers(2**31)))


def render(scene: VideoScene) -> Iterator[Frame]:
    """Paint the frames of a video in order."""
    rng = np.random.default_rng(scene.noise_seed)
    width, height = scene.size_wh
    noise = rng.normal(0, NOISE, (height, width, 3)).astype(np.float32)
    outlines = [outline_of(obj.words['category']) for obj in scene.objects]
    for index, (dx, dy) in enumerate(scene.camera):
        shift = np.array([[1, 0, dx - scene.margin], [0, 1, dy - scene.margin]])
        canvas = cv2.warpAffine(
            scene.background, shift, (width, height), flags=cv2.INTER_LINEAR
        )
        # one sheet of noise, laid on differently every time
        canvas += np.roll(noise, tuple(rng.integers(0, (height, width))), (0, 1))
        owners = np.zeros((height, width), np.uint8)
        np.clip(canvas, 0, 255, out=canvas)
        image = canvas.astype(np.uint8)
        counts = [
            _paint(image, owners, obj, outline, index, k + 1)
            for k, (obj, outline) in enumerate(zip(scene.objects, outlines))
        ]
        areas, inside = np.array(counts, dtype=int).reshape(-1, 2).T
        yield Frame(image, owners, areas, inside)


def _draw_objects(
    rng: np.random.Generator, size_wh: tuple[int, int], number: int, camera: np.ndarray
) -> tuple[MovingObject, ...]:
    categories = rng.choice(CATEGORIES, rng.integers(2, 4), replace=False)
    colors = rng.choice(list(COLORS), rng.integers(2, 4), replace=False)
    objects: list[MovingObject] = []
    covered: list[np.ndarray] = []
    for count in range(number):
        category = str(rng.choice(categories))
        if count == 1 and objects:
            category = objects[0].words['category']  # a distractor of the same kind
        color = str(rng.choice(colors))
        texture = str(rng.choice(TEXTURES, p=TEXTURE_SHARES))
        path = _find_way(rng, category, size_wh, camera, objects, covered)
        if path is None:
            continue
        sprite = draw_sprite(rng, color, texture)
        words = dict(category=category, color=color, size=path.size, texture=texture)
        objects.append(MovingObject(words, path, sprite))
        covered.append(np.zeros(len(path), bool))
    return tuple(objects)


def _find_way(
    rng: np.random.Generator,
    category: str,
    size_wh: tuple[int, int],
    camera: np.ndarray,
    objects: list[MovingObject],
    covered: list[np.ndarray],
) -> Path | None:
    """A path that leaves enough of every other; None if there is no room.

    ``covered`` (K arrays (T,) bool) is brought up to date.
    """
    for _ in range(MAX_TRIES):
        path = draw_path(rng, category, size_wh, len(camera))
        path = Path(path.centers + camera, path.radii, path.angles, path.size)
        hidden = []
        for obj, before in zip(objects, covered):
            gap = np.linalg.norm(path.centers - obj.path.centers, axis=1)
            if gap[0] < 0.9 * (path.radii[0] + obj.path.radii[0]):
                break
            hidden.append(before | (gap < path.radii))
            if hidden[-1].mean() > MAX_COVERED:
                break
        else:
            covered[:] = hidden
            return path
    return None


def draw_sprite(rng: np.random.Generator, color: str, texture: str) -> np.ndarray:
    """(S, S, 3) uint8: the textured colour."""
    paint = np.array(COLORS[color]) + rng.uniform(-8, 8, 3)
    brightness = rng.uniform(0.88, 1.05)
    period = SPRITE_SIDE / rng.uniform(3.6, 5)
    dark = dark_parts(rng, texture, (SPRITE_SIDE, SPRITE_SIDE), period)
    shade = np.where(dark, DARK, 1.0) * brightness
    return np.clip(paint * shade[..., None], 0, 255).astype(np.uint8)


def _paint(
    image: np.ndarray,
    owners: np.ndarray,
    obj: MovingObject,
    outline: np.ndarray,
    index: int,
    number: int,
) -> tuple[int, int]:
    """Paint an object in place; its area in pixels, and the part within the image."""
    center, radius = obj.path.centers[index], float(obj.path.radii[index])
    cos, sin = np.cos(obj.path.angles[index]), np.sin(obj.path.angles[index])
    origin = np.floor(center - radius * 1.1).astype(int) - 2
    side = int(np.ceil(2 * radius * 1.1)) + 5
    turn = np.array([[cos, -sin], [sin, cos]])
    corners = outline @ turn.T * radius + center - origin
    mask, rim = _fill(corners, center - origin, side, obj.words['category'] == 'ring')
    area = int(mask.sum())
    height, width = owners.shape
    left, top = np.clip(origin, 0, (width, height))
    right, bottom = np.clip(origin + side, 0, (width, height))
    cut = np.s_[
        top - origin[1] : bottom - origin[1], left - origin[0] : right - origin[0]
    ]
    here = np.s_[top:bottom, left:right]
    seen = mask[cut].astype(bool)
    if not seen.any():
        return area, 0
    scale = SPRITE_SIDE / (2 * 1.05 * radius)
    # from the patch to the sprite: turned back, scaled, centred
    back = turn.T * scale
    move = np.full(2, SPRITE_SIDE / 2) - back @ (center - origin)
    paint = cv2.warpAffine(
        obj.sprite,
        np.column_stack([back, move]),
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    paint[rim.astype(bool)] = np.array(COLORS[obj.words['color']]) * RIM
    image[here][seen] = paint[cut][seen]
    owners[here][seen] = number
    return area, int(seen.sum())


def _fill(
    corners: np.ndarray, center: np.ndarray, side: int, with_hole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (side, side) uint8 of a shape, and of its rim inside of it."""
    scale = 1 << SUBPIXEL_BITS
    outer = np.round(corners * scale).astype(np.int32)
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [outer], 1, shift=SUBPIXEL_BITS)
    if with_hole:
        hole = (corners - center) * RING_HOLE + center
        hole = np.round(hole * scale).astype(np.int32)
        cv2.fillPoly(mask, [hole], 0, shift=SUBPIXEL_BITS)
    rim = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
    return mask, rim
