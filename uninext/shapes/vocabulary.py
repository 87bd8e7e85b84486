"""The words of the generated world, and the outlines they stand for.

Outlines are polygons in a unit frame: centre 0, radius 1, y downwards.
"""

from __future__ import annotations

import numpy as np

CATEGORIES = ('circle', 'square', 'triangle', 'star', 'ring', 'cross')
TEXTURES = ('plain', 'striped', 'dotted')
COLORS = {
    'red': (214, 48, 40),
    'green': (60, 168, 72),
    'blue': (44, 92, 214),
    'yellow': (240, 208, 44),
    'purple': (150, 62, 176),
    'white': (238, 238, 238),
}  # RGB
# Radius as a share of the image's side; the gap keeps the words unambiguous.
SIZES = {'small': (0.07, 0.095), 'large': (0.145, 0.19)}
RELATIONS = ('left of', 'right of', 'above', 'below')
SUPERLATIVES = ('leftmost', 'rightmost', 'topmost', 'bottommost')
# Their places are numbers in seeds; never move one: images of a split would change.
SPLITS = ('train', 'val', 'test')
RING_HOLE = 0.5  # radius of the hole as a share of the ring's


def outline_of(category: str) -> np.ndarray:
    """(P, 2) xy of a category's polygon in the unit frame; a ring's is its outer rim.

    Raises:
        ValueError: If the category is unknown.
    """
    if category in ('circle', 'ring'):
        return _regular_polygon(40)
    if category == 'square':
        return _regular_polygon(4, turn=np.pi / 4)
    if category == 'triangle':
        return _regular_polygon(3, turn=-np.pi / 2)
    if category == 'star':
        outer = _regular_polygon(5, turn=-np.pi / 2)
        inner = 0.42 * _regular_polygon(5, turn=-np.pi / 2 + np.pi / 5)
        return np.stack([outer, inner], axis=1).reshape(-1, 2)
    if category == 'cross':
        arm = 0.32
        corner = np.array([[arm, -arm], [1, -arm], [1, arm]])
        turns = [np.array([[c, -s], [s, c]]) for c, s in ((1, 0), (0, 1))]
        half = np.concatenate([corner @ turn.T for turn in turns])
        return np.concatenate([half, -half])
    raise ValueError(f'category must be one of {CATEGORIES}, got {category!r}.')


def _regular_polygon(num_corners: int, turn: float = 0.0) -> np.ndarray:
    angles = turn + 2 * np.pi * np.arange(num_corners) / num_corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
