"""What people type, click and paint, as the prompts that the inferencer takes.

From texts of fields, clicks and paintings to categories, expressions, boxes and masks.
Everything is in pixels of the image, or of the first frame of the video.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from uninext.models.trackers.inputs import checked_boxes
from uninext.structures import parse_categories
from uninext.web.strokes import Painting, read_painting

Corner = tuple[int, int]
MIN_SIDE = 2  # pixels; a smaller box is a slip of the hand
NOTHING_ASKED = (
    'Nothing is asked for yet. Type category names ("star, ring") or an expression, '
    'click two corners of a box, or paint over something.'
)
NOTHING_SHOWN = (
    'There is an image in "Shown in", and nothing is marked in it. Click two corners '
    'of a box, or paint over an object; or remove the image.'
)


class WebPrompts(NamedTuple):
    """Everything that is asked for at once.

    Attributes:
        arguments: Of :class:`uninext.apis.UninextInferencer`; None: not asked for.
        notes: What was understood in another way than it was typed.
    """

    arguments: dict[str, Any]
    notes: tuple[str, ...]

    def shown_in(self, image: np.ndarray) -> WebPrompts:
        """The same, with boxes and masks of another image, (H, W, 3) uint8 BGR.

        Raises:
            ValueError: If there is no box and no mask.
        """
        if self.arguments['box'] is None and self.arguments['mask'] is None:
            raise ValueError(NOTHING_SHOWN)
        return self._replace(arguments=dict(self.arguments, shown_in=image))


def read_prompts(
    categories: str | None,
    expressions: str | None,
    boxes: str | None,
    painting: Painting,
    size_hw: tuple[int, int],
    key: str | None = None,
) -> WebPrompts:
    """Understand what was filled in.

    Args:
        categories: As of :func:`uninext.structures.parse_categories`.
        expressions: One a line.
        boxes: As of :func:`read_boxes`.
        painting: As of :func:`uninext.web.strokes.read_painting`.
        size_hw: Of the image.
        key: As of :func:`uninext.web.strokes.read_painting`.

    Raises:
        ValueError: If nothing is asked for, or a box or a painting is none; it says
            what to do.
    """
    notes: list[str] = []
    has_categories = bool((categories or '').strip(' \t\n,;'))
    names = parse_categories(categories, notes.append) if has_categories else ()
    texts = [' '.join(line.split()) for line in _lines(expressions)]
    given = dict(
        categories=list(names),
        expression=list(dict.fromkeys(texts)),  # each of them once
        box=read_boxes(boxes, size_hw),
        mask=read_painting(painting, size_hw, key),
    )
    if not any(map(len, given.values())):
        raise ValueError(NOTHING_ASKED)
    given = {kind: value if len(value) else None for kind, value in given.items()}
    return WebPrompts(given, tuple(notes))


# -------------------------------------------------------------------------------- boxes


def read_boxes(text: str | None, size_hw: tuple[int, int]) -> np.ndarray:
    """Read boxes, one a line: ``x1 y1 x2 y2``.

    Args:
        text: Numbers in pixels, separated by spaces or commas.
        size_hw: Of the image; boxes may reach over its border.

    Returns:
        (n, 4) float32 xyxy.

    Raises:
        ValueError: If a line has not four numbers, is no box of
            :func:`uninext.models.trackers.inputs.checked_boxes`, or lies outside.
    """
    height, width = size_hw
    boxes = []
    for number, line in enumerate(_lines(text), start=1):
        values = _numbers(line)
        if len(values) != 4:
            raise ValueError(
                f'Box {number} is {line!r}; a box is four numbers in pixels: '
                'left, top, right, bottom. Or click two corners in the image.'
            )
        boxes.append(values)
    if not boxes:
        return np.zeros((0, 4), np.float32)
    checked = checked_boxes(boxes).numpy()
    inside = checked.clip(0, [width, height, width, height])
    sides = inside[:, 2:] - inside[:, :2]
    for number in np.flatnonzero((sides < MIN_SIDE).any(1)) + 1:
        raise ValueError(
            f'Box {number} ({_lines(text)[number - 1]}) has no area inside of the '
            f'image, which is {width} x {height} pixels. Undo it, and click two '
            'corners that lie across from each other.'
        )
    return checked


def add_corner(
    text: str | None, corner: Corner | None, point: Corner
) -> tuple[str, Corner | None]:
    """Take a click, (x, y) in pixels: of two the first is a corner, then it is a box.

    Returns:
        Boxes, and the corner that waits for its other one.
    """
    text = text or ''
    if corner is None:
        return text, point
    (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(corner, point))
    if x2 - x1 < MIN_SIDE or y2 - y1 < MIN_SIDE:
        return text, point  # a double click; the box still waits for its other corner
    return '\n'.join([*_lines(text), box_text((x1, y1, x2, y2))]), None


def box_text(box_xyxy: Iterable[float]) -> str:
    """A box as it is typed, in whole pixels."""
    return ' '.join(f'{value:.0f}' for value in box_xyxy)


def undo_corner(text: str | None, corner: Corner | None) -> tuple[str, None]:
    """Take the last click or box back."""
    lines = _lines(text)
    return '\n'.join(lines if corner is not None else lines[:-1]), None


def boxes_to_draw(text: str | None, size_hw: tuple[int, int]) -> np.ndarray:
    """(n, 4) boxes of those lines that are boxes: what is typed may be unfinished."""
    boxes = [np.zeros((0, 4), np.float32)]
    for line in _lines(text):
        try:
            boxes.append(read_boxes(line, size_hw))
        except ValueError:
            continue  # said when it is asked for
    return np.concatenate(boxes)


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or '').splitlines() if line.strip()]


def _numbers(line: str) -> list[float]:
    try:
        values = [float(part) for part in re.split(r'[\s,;]+', line.strip('()[], '))]
    except ValueError:
        return []
    return values if np.isfinite(values).all() else []
