"""What people type, click and paint, as the prompts that the inferencer takes.

Texts of fields, clicks and paintings enter; names, sentences, boxes and masks leave.
Everything is in pixels of the picture, or of the first frame of the video.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from uninext.web.strokes import read_painting

Corner = tuple[int, int]
MIN_SIDE = 2  # pixels; a smaller box is a slip of the hand
NOTHING_ASKED = (
    'Nothing is asked for yet. Type names ("star, ring") or a sentence, click two '
    'corners of a box, or paint over something.'
)


@dataclass(frozen=True, eq=False)
class WebPrompts:
    """Everything that is asked for at once.

    Attributes:
        names: Categories.
        sentences: About one thing each.
        boxes_xyxy: (n, 4) float32 in pixels.
        masks: (n, H, W) bool, True on the thing.
    """

    names: tuple[str, ...]
    sentences: tuple[str, ...]
    boxes_xyxy: np.ndarray
    masks: np.ndarray

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for :class:`uninext.apis.UninextInferencer`."""
        return dict(
            categories=list(self.names) or None,
            expression=list(self.sentences) or None,
            box=self.boxes_xyxy if len(self.boxes_xyxy) else None,
            mask=self.masks if len(self.masks) else None,
        )


def read_prompts(
    names: str | None,
    sentences: str | None,
    boxes: str | None,
    painting: str | Mapping[str, Any] | None,
    size_hw: tuple[int, int],
    key: str | None = None,
) -> WebPrompts:
    """Understand what was filled in.

    Args:
        names: Separated by commas or lines.
        sentences: One a line.
        boxes: As of :func:`read_boxes`.
        painting: As of :func:`uninext.web.strokes.read_painting`.
        size_hw: Of the picture.
        key: Of the picture; what was painted over another one does not count.

    Raises:
        ValueError: If nothing is asked for, or a box or a painting is none; it says
            what to do.
    """
    prompts = WebPrompts(
        names=_parts(names, r'[,;\n]'),
        sentences=_parts(sentences, r'\n'),
        boxes_xyxy=read_boxes(boxes, size_hw),
        masks=read_painting(painting, size_hw, key),
    )
    if all(value is None for value in prompts.arguments().values()):
        raise ValueError(NOTHING_ASKED)
    return prompts


def _parts(text: str | None, separator: str) -> tuple[str, ...]:
    """Parts of a text without those that are empty or were there before."""
    parts = (' '.join(part.split()) for part in re.split(separator, text or ''))
    return tuple(dict.fromkeys(part for part in parts if part))


# -------------------------------------------------------------------------------- boxes


def read_boxes(text: str | None, size_hw: tuple[int, int]) -> np.ndarray:
    """Read boxes, one a line: ``x1 y1 x2 y2``; corners may come in any order.

    Args:
        text: Numbers in pixels, separated by spaces or commas.
        size_hw: Of the picture; boxes are clipped to it.

    Returns:
        (n, 4) float32 xyxy.

    Raises:
        ValueError: If a line has not four numbers, or its box has no area inside.
    """
    height, width = size_hw
    boxes = []
    for number, line in enumerate(_lines(text), start=1):
        values = _numbers(line)
        if len(values) != 4:
            raise ValueError(
                f'Box {number} is {line!r}; a box is four numbers in pixels: '
                'left, top, right, bottom. Or click two corners in the picture.'
            )
        x1, x2 = sorted(np.clip(values[0::2], 0, width))
        y1, y2 = sorted(np.clip(values[1::2], 0, height))
        if x2 - x1 < MIN_SIDE or y2 - y1 < MIN_SIDE:
            raise ValueError(
                f'Box {number} ({line}) has no area inside of the picture, which is '
                f'{width} x {height} pixels. Undo it, and click two corners that lie '
                'across from each other.'
            )
        boxes.append((x1, y1, x2, y2))
    return np.array(boxes, dtype=np.float32).reshape(-1, 4)


def add_corner(
    text: str | None, corner: Corner | None, point: Corner
) -> tuple[str, Corner | None]:
    """Take a click: the first of two is a corner, the second makes a box.

    Args:
        text: Boxes so far.
        corner: The first click of a box that is not finished.
        point: (x, y) of this click in pixels.

    Returns:
        Boxes, and the corner that waits for its other one.
    """
    text = text or ''
    if corner is None:
        return text, point
    (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(corner, point))
    if x2 - x1 < MIN_SIDE or y2 - y1 < MIN_SIDE:
        return text, point  # a double click; the box still waits for its other corner
    return '\n'.join([*_lines(text), f'{x1} {y1} {x2} {y2}']), None


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
