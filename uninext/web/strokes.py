"""Masks of what was painted over an image, one a colour.

The browser sends lines, not images: ``{"image": key, "strokes": [{"color": 0,
"width": 12, "points": [[30, 40], [50.5, 40]]}]}``. Widths and points (x, y) are in
pixels of the image, whose upper left corner is (0, 0). ``painter.js`` writes it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

# What the brush offers; every colour is another object.
BRUSH_COLORS = {
    'red': '#e03131',
    'blue': '#1c7ed6',
    'orange': '#f08c00',
    'green': '#2f9e44',
}
MIN_PAINTED = 4  # pixels; fewer are a slip of the brush
EXPECTED = (
    'A painting is JSON such as {"strokes": [{"color": 0, "width": 12, "points": '
    '[[30, 40], [50, 40]]}]}: a color from 0 to 3, a width of at least 1, and points '
    '(x, y), all in pixels of the image.'
)
Painting = str | Mapping[str, Any] | None  # JSON as above; a text, or parsed
_FAR = 1e5  # pixels; what is painted farther away is drawn towards there
_FRACTION_BITS = 4  # of the fixed-point numbers that OpenCV takes


def read_painting(
    painting: Painting,
    size_hw: tuple[int, int],
    key: str | None = None,
) -> np.ndarray:
    """Read what was painted; a later stroke covers an earlier one of another colour.

    Args:
        painting: JSON as this module says it; a text, or parsed. '' and None: nothing.
        size_hw: Of the image; what lies outside is cut off.
        key: Of the image, see :func:`image_key`. What was painted over another
            one does not count. None: the painting is meant for this one.

    Returns:
        (n, H, W) bool, one a colour that was used, in the order of ``BRUSH_COLORS``.

    Raises:
        ValueError: If it is no painting; it says what one looks like.
    """
    strokes = _strokes(painting, key)
    number_of = np.zeros(size_hw, np.uint8)  # of the colour that is seen, from 1
    for place, stroke in enumerate(strokes, start=1):
        color, width, points = _checked(stroke, place, max(size_hw))
        line = np.concatenate([points, points[-1:]])  # a point alone is not drawn
        fixed = np.rint((line - 0.5) * 2**_FRACTION_BITS).astype(np.int32)
        # OpenCV's lines of an even thickness, with their round ends, are one wider.
        thickness = max(1, (width - 1) // 2 * 2)
        cv2.polylines(
            *(number_of, [fixed], False, color + 1, thickness),
            lineType=cv2.LINE_8,
            shift=_FRACTION_BITS,
        )
    masks = number_of == np.arange(1, len(BRUSH_COLORS) + 1)[:, None, None]
    return masks[masks.sum((1, 2)) >= MIN_PAINTED]


def image_key(image: np.ndarray) -> str:
    """A text that tells an image, (H, W, 3) uint8, from others."""
    return f'{image.shape} {zlib.crc32(np.ascontiguousarray(image))}'


def _strokes(painting: Painting, key: str | None) -> list[Any]:
    """The strokes, not checked yet."""
    if isinstance(painting, str):
        try:
            painting = json.loads(painting) if painting.strip() else None
        except (ValueError, RecursionError) as error:
            raise ValueError(f'The painting cannot be read. {EXPECTED}') from error
    if not painting:
        return []
    strokes = painting.get('strokes') if isinstance(painting, Mapping) else None
    if not isinstance(strokes, list):
        raise ValueError(f'The painting has no list of strokes. {EXPECTED}')
    return strokes if key is None or painting.get('image') in (None, key) else []


def _checked(stroke: Any, place: int, longer_side: int) -> tuple[int, int, np.ndarray]:
    """Colour, width, (n, 2) points of a stroke; no brush is wider than the image."""
    given = stroke if isinstance(stroke, Mapping) else {}
    color = given.get('color')
    width, points = _numbers(given.get('width')), _numbers(given.get('points'))
    is_right = dict(
        color=color in range(len(BRUSH_COLORS)),
        width=width is not None and width.shape == () and width >= 1,
        points=points is not None
        and points.ndim == 2
        and points.shape[1] == 2
        and len(points) > 0,
    )
    for name, right in is_right.items():
        if not right:
            said = given.get(name)
            raise ValueError(f'Stroke {place} has the {name} {said!r:.40}. {EXPECTED}')
    return int(color), round(min(float(width), longer_side)), points.clip(-_FAR, _FAR)


def _numbers(given: Any) -> np.ndarray | None:
    """An array of finite numbers; None if it is none."""
    try:
        numbers = np.asarray(given)
        if numbers.dtype.kind not in 'iuf':
            return None
        return numbers.astype(float) if np.isfinite(numbers).all() else None
    except (ValueError, OverflowError):  # rows of different lengths
        return None
