"""What is generated, looked at: files, colours, and expressions by their own reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uninext.shapes.vocabulary import COLORS
from uninext.utils.files import sha256_of

PLACES = {  # words -> axis, sign of what comes first
    'left of': (0, 1),
    'right of': (0, -1),
    'above': (1, 1),
    'below': (1, -1),
    'leftmost': (0, 1),
    'rightmost': (0, -1),
    'topmost': (1, 1),
    'bottommost': (1, -1),
}


def digests(folder: Path) -> dict[str, str]:
    """Path below a folder -> checksum, of all its files."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def nearest_color(pixels: np.ndarray) -> str:
    """Which of the shapes' colours the brighter of some pixels (n, 3) RGB have."""
    brightness = pixels.astype(float).sum(1)
    bright = pixels[brightness >= np.quantile(brightness, 0.7)].mean(0)
    colors = np.array(list(COLORS.values()), float)
    alike = colors @ bright / np.linalg.norm(colors, axis=1)
    return list(COLORS)[alike.argmax()]


@dataclass(frozen=True)
class Seen:
    """An object of an image or frame; its box xywh is None where it is not visible."""

    id: int
    words: set[str]
    box: list | None

    def middle(self, axis: int) -> float:
        return self.box[axis] + self.box[axis + 2] / 2


def named(phrase: str, objects: list[Seen]) -> list[Seen]:
    """What a description may mean; knows only words."""

    def fits(word: str, words: set[str]) -> bool:
        return word in words or (word in ('small', 'large') and 'changing' in words)

    phrase = phrase.split()
    return [obj for obj in objects if all(fits(word, obj.words) for word in phrase)]


def meant(expression: str, objects: list[Seen]) -> list[int]:
    """Ids that an expression is true of; knows only words and boxes."""
    body = expression.removeprefix('the ')
    for words, (axis, sign) in PLACES.items():
        if f' {words} the ' in body:
            near, far = body.split(f' {words} the ')
            anchors = named(far, objects)
            assert len(anchors) == 1, f'{far} is not one object'
            if anchors[0].box is None:
                return []
            base = sign * anchors[0].middle(axis)
            rivals = [obj for obj in named(near, objects) if obj.box is not None]
            return [obj.id for obj in rivals if sign * obj.middle(axis) < base]
        if body.startswith(f'{words} '):
            rivals = named(body.removeprefix(f'{words} '), objects)
            rivals = [obj for obj in rivals if obj.box is not None]
            first = min(rivals, key=lambda obj: sign * obj.middle(axis), default=None)
            return [] if first is None else [first.id]
    return [obj.id for obj in named(body, objects) if obj.box is not None]
