"""How one shape moves through a video: where it is, how large, how far turned.

Shape legend: T frames. Lengths are in pixels, angles in radians, time runs from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uninext.shapes.painting import MAX_TILT
from uninext.shapes.vocabulary import SIZES

# Probability of each way to move, and of each way to change size.
MOVES = {
    'still': 0.18,
    'line': 0.36,
    'curve': 0.12,
    'bounce': 0.12,
    'leave': 0.13,
    'enter': 0.09,
}
CHANGES = {'steady': 0.76, 'grow': 0.12, 'shrink': 0.12}
SPIN_SHARE = 0.25  # of the shapes that show that they turn
ROUND = ('circle', 'ring')  # nobody sees these turn
MAX_STEP = 0.05  # way in a frame, as a share of the shorter side
MAX_TURN = 0.15  # in a frame
PULSE = 0.06  # of the radius; small stays small and large large
GROWN = {'from': (0.075, 0.095), 'to': (0.15, 0.18)}  # radii, shares of the side


@dataclass(frozen=True)
class Path:
    """Where a shape is, frame by frame.

    Attributes:
        centers: (T, 2) xy, pixels; may lie outside of the image.
        radii: (T,) pixels.
        angles: (T,) radians.
        size: ``small``, ``large``, or ``changing``: neither word is true throughout.
    """

    centers: np.ndarray
    radii: np.ndarray
    angles: np.ndarray
    size: str

    def __len__(self) -> int:
        return len(self.radii)


def draw_path(
    rng: np.random.Generator, category: str, size_wh: tuple[int, int], length: int
) -> Path:
    """Draw a path of at least one frame; what it meets on its way is not looked at."""
    radii, size = _draw_radii(rng, min(size_wh), length)
    move = str(rng.choice(list(MOVES), p=list(MOVES.values())))
    centers = getattr(_Way(rng, np.array(size_wh, float), radii), move)()
    return Path(centers, radii, _draw_angles(rng, category, length), size)


def draw_camera(rng: np.random.Generator, side: int, length: int) -> np.ndarray:
    """A camera in a hand: (T, 2) offsets xy in pixels, at most 1.2 % of ``side``."""
    knots = rng.uniform(-0.012, 0.012, (max(2, length // 5 + 1), 2)) * side
    at = np.linspace(0, len(knots) - 1, length)
    return np.stack([np.interp(at, np.arange(len(knots)), k) for k in knots.T], axis=1)


def _times(length: int) -> np.ndarray:
    return np.linspace(0, 1, length) if length > 1 else np.zeros(1)


def _draw_radii(
    rng: np.random.Generator, side: int, length: int
) -> tuple[np.ndarray, str]:
    time = _times(length)
    change = str(rng.choice(list(CHANGES), p=list(CHANGES.values())))
    if change == 'steady':
        size = str(rng.choice(list(SIZES)))
        phase, swings = rng.uniform(0, 2 * np.pi), rng.uniform(0, 2)
        pulse = 1 + PULSE * np.sin(phase + 2 * np.pi * swings * time)
        return rng.uniform(*SIZES[size]) * side * pulse, size
    start, end = rng.uniform(*GROWN['from']), rng.uniform(*GROWN['to'])
    if change == 'shrink':
        start, end = end, start
    return (start + (end - start) * time) * side, 'changing'


def _draw_angles(rng: np.random.Generator, category: str, length: int) -> np.ndarray:
    tilt = rng.uniform(-MAX_TILT, MAX_TILT)
    if category in ROUND or rng.random() >= SPIN_SHARE:
        return np.full(length, tilt)
    turn = min(rng.uniform(0.6, 1.4) * np.pi, MAX_TURN * (length - 1))
    return tilt + rng.choice((-1, 1)) * turn * _times(length)


class _Way:
    """Draws the centres (T, 2) of a shape; a method for each of ``MOVES``.

    Attributes:
        rng: Source of all randomness.
        size: (2,) width and height of the image.
        radii: (T,) of the shape.
        time: (T,) from 0 to 1.
        low, high: (2,) lowest and highest centre with the whole shape in the image.
    """

    def __init__(
        self, rng: np.random.Generator, size: np.ndarray, radii: np.ndarray
    ) -> None:
        self.rng, self.size, self.radii = rng, size, radii
        self.time = _times(len(radii))
        edge = radii.max() + 2
        self.low, self.high = (
            np.minimum(edge, size / 2),
            np.maximum(size - edge, size / 2),
        )

    def still(self) -> np.ndarray:
        return np.tile(self.rng.uniform(self.low, self.high), (len(self.radii), 1))

    def line(self) -> np.ndarray:
        angle = self.rng.integers(4) * np.pi / 2 + self.rng.uniform(-0.3, 0.3)
        if self.rng.random() < 0.25:
            angle = self.rng.uniform(0, 2 * np.pi)
        way = np.array([np.cos(angle), np.sin(angle)])
        way *= self._farthest(self.rng.uniform(0.35, 0.8))
        way = np.clip(way, self.low - self.high, self.high - self.low)
        first = np.maximum(self.low, self.low - way)
        last = np.maximum(first, np.minimum(self.high, self.high - way))
        return self.rng.uniform(first, last) + way * self.time[:, None]

    def curve(self) -> np.ndarray:
        low, high = self.low, self.high
        bend = self.rng.uniform(0.12, 0.28) * self.size.min()
        bend = np.minimum(bend, (high - low) / 2)
        middle = self.rng.uniform(low + bend, np.maximum(low + bend, high - bend))
        turn = self._farthest(self.rng.uniform(0.6, 1.2)) / max(1.0, bend.max())
        start = self.rng.uniform(0, 2 * np.pi)
        angles = start + self.rng.choice((-1, 1)) * turn * self.time
        return middle + bend * np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def bounce(self) -> np.ndarray:
        angle = self.rng.uniform(0, 2 * np.pi)
        way = np.array([np.cos(angle), np.sin(angle)])
        way *= self._farthest(self.rng.uniform(0.8, 1.5))
        start = self.rng.uniform(self.low, self.high)
        span = np.maximum(self.high - self.low, 1e-6)
        folded = np.mod(start + way * self.time[:, None] - self.low, 2 * span)
        folded = np.minimum(folded, 2 * span - folded)
        return self.low + np.minimum(folded, self.high - self.low)

    def leave(self) -> np.ndarray:
        """Out of the image, and back to where it came from."""
        inner, outer = self._outside()
        gone = np.clip(1.1 * np.sin(np.pi * self.time), 0, 1)[:, None]
        return inner + (outer - inner) * gone

    def enter(self) -> np.ndarray:
        """From outside, after a while, and then it stays."""
        inner, outer = self._outside()
        start = self.rng.uniform(0.1, 0.3)
        there = np.clip((self.time - start) / 0.5, 0, 1)[:, None]
        return outer + (inner - outer) * there

    def _farthest(self, share: float) -> float:
        return min(share, MAX_STEP * (len(self.radii) - 1)) * self.size.min()

    def _outside(self) -> tuple[np.ndarray, np.ndarray]:
        """A centre near an edge, and one past that edge where nothing is seen; (2,)."""
        inner = self.rng.uniform(self.low, self.high)
        outer = inner.copy()
        axis, edge = int(self.rng.integers(2)), int(self.rng.integers(2))
        near = self.rng.uniform(0, 0.15) * self.size.min()
        away = 1.35 * self.radii.max() + 0.02 * self.size.min()
        if edge:
            inner[axis] = max(self.high[axis] - near, self.low[axis])
            outer[axis] = self.size[axis] + away
        else:
            inner[axis] = min(self.low[axis] + near, self.high[axis])
            outer[axis] = -away
        return inner, outer
