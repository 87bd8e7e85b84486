"""Letters on images: labels that do not cover each other, captions that fit.

Sizes are in pixels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from uninext.visualization.palette import BAR_COLOR, WHITE, Color, ink_on

Area = tuple[int, int, int, int]  # xyxy, the end not included
Parts = TypeVar('Parts', str, list)
ELLIPSIS = '...'
# Widest label, unless its box is wider: of the image's width, and in font sizes.
MAX_LABEL_SHARE, MIN_LABEL_WIDTH = 0.35, 18
MAX_CAPTION_LINES = 3
SHIFTS = 16  # label heights that a label may be moved away from its box


def paint_labels(
    image: np.ndarray,
    boxes: np.ndarray,
    texts: Sequence[str],
    colors: Sequence[Color],
    font_size: int,
) -> np.ndarray:
    """Write a label at every box where it covers no other label, if there is room.

    A label that finds no place at its box is moved away and tied to it by a line. One
    that is wider than a third of the image and than its box is shortened in the
    middle.

    Args:
        image: (H, W, 3) uint8.
        boxes: (N, 4) xyxy in pixels; the first come to the best places.
        texts: N labels; an empty one is left out.
        colors: N backgrounds; the text is black or white, whichever reads better.
        font_size: In pixels.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    canvas = image.copy()
    taken: list[Area] = []
    tiles = []
    for box, text, color in zip(boxes, texts, colors):
        if not text:
            continue
        width = max(MAX_LABEL_SHARE * image.shape[1], MIN_LABEL_WIDTH * font_size)
        width = min(max(width, float(box[2] - box[0])), image.shape[1])
        tile = _tile(text, color, font_size, round(width))
        area = find_place(box, tile.shape[:2], image.shape[:2], taken)
        taken.append(area)
        tiles.append((area, tile))
        _tie(canvas, box, area, color, max(2, font_size // 8))
    for (x1, y1, x2, y2), tile in tiles:  # on top of all lines
        canvas[y1:y2, x1:x2] = tile[: y2 - y1, : x2 - x1]
    return canvas


def find_place(
    box: Sequence[float],
    size_hw: tuple[int, int],
    image_hw: tuple[int, int],
    taken: Sequence[Area],
) -> Area:
    """Choose where a label goes: at its box (xyxy, pixels), or moved away.

    Returns:
        The first place inside the image that touches no other label; where there is
        none, the one that covers the least of others. Cut to the image.
    """
    height, width = min(size_hw[0], image_hw[0]), min(size_hw[1], image_hw[1])
    box = np.clip(np.round(box).astype(int), 0, (*image_hw[::-1], *image_hw[::-1]))
    best, least = (0, 0, width, height), float('inf')
    for x, y in _places(box.tolist(), (height, width)):
        is_inside = 0 <= y <= image_hw[0] - height
        x = min(max(x, 0), image_hw[1] - width)
        y = min(max(y, 0), image_hw[0] - height)
        area = (x, y, x + width, y + height)
        covered = sum(_overlap(area, other) for other in taken)
        if is_inside and not covered:
            return area
        if covered < least:
            best, least = area, covered
    return best


def add_caption(image: np.ndarray, text: str, font_size: int) -> np.ndarray:
    """Put a bar with wrapped text on top of an image.

    Args:
        image: (H, W, 3) uint8.
        text: Any length; a newline begins a new line. What does not fit into three
            lines for each of its own is left out in the middle.
        font_size: In pixels.

    Returns:
        (H + bar, W, 3) uint8.
    """
    pad = max(2, font_size // 3)
    width = image.shape[1] - 2 * pad
    lines = [
        line
        for paragraph in text.split('\n')
        for line in wrap_text(paragraph, width, font_size, MAX_CAPTION_LINES)
    ]
    line_height = round(font_size * 1.3)
    bar = Image.new(
        'RGB', (image.shape[1], line_height * len(lines) + 2 * pad), BAR_COLOR
    )
    draw = ImageDraw.Draw(bar)
    for i, line in enumerate(lines):
        origin = (pad, pad + i * line_height)
        draw.text(origin, line, fill=WHITE, font=load_font(font_size))
    return np.concatenate([np.array(bar), image])


def pad_to_height(image: np.ndarray, height: int) -> np.ndarray:
    """Add bar colour on top until an image is ``height`` rows high."""
    bar = np.full((height - image.shape[0], *image.shape[1:]), BAR_COLOR, np.uint8)
    return np.concatenate([bar, image])


def side_by_side(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images (H_i, W_i, 3) in a row, on one base line."""
    height = max(len(image) for image in images)
    return np.concatenate([pad_to_height(i, height) for i in images], axis=1)


def shorten(text: str, width: float, font_size: int) -> str:
    """Leave out the middle of a text that is wider than ``width`` pixels.

    Returns:
        The text; or its start, three dots and its end; a dot where nothing fits.
    """
    font = load_font(font_size)
    if font.getlength(text) <= width:
        return text
    kept = _most(
        len(text) - 1,
        lambda n: font.getlength(_without_middle(text, n, ELLIPSIS)) <= width,
    )
    return _without_middle(text, kept, ELLIPSIS) if kept else ELLIPSIS[:1]


def wrap_text(text: str, width: float, font_size: int, max_lines: int) -> list[str]:
    """Break a text without newlines between words into lines of ``width`` pixels.

    Returns:
        1 to ``max_lines`` lines; a word that is too long for one is shortened, and of
        a text that is too long the middle is left out.
    """
    words = text.split()
    lines = _break(words, width, font_size)
    if len(lines) <= max_lines:
        return lines

    def shorter(count: int) -> list[str]:
        return _break(_without_middle(words, count, [ELLIPSIS]), width, font_size)

    return shorter(_most(len(words) - 1, lambda n: len(shorter(n)) <= max_lines))


@lru_cache(maxsize=16)
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib; that is not imported for it."""
    spec = importlib.util.find_spec('matplotlib')
    assert spec is not None and spec.origin is not None
    fonts = Path(spec.origin).parent / 'mpl-data' / 'fonts' / 'ttf'
    return ImageFont.truetype(str(fonts / 'DejaVuSans.ttf'), size)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest of the numbers 1 to ``limit`` that fits; 0 if none does."""
    low = 0
    while low < limit:
        middle = (low + limit + 1) // 2
        low, limit = (middle, limit) if fits(middle) else (low, middle - 1)
    return low


def _break(words: list[str], width: float, font_size: int) -> list[str]:
    font = load_font(font_size)
    lines = ['']
    for word in words:
        longer = f'{lines[-1]} {word}'.strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        word = shorten(word, width, font_size)
        lines = [*lines, word] if lines[-1] else [word]
    return lines


def _without_middle(parts: Parts, count: int, between: Parts) -> Parts:
    """The first and last ``count`` characters, or words, with something between."""
    end = count // 2
    return parts[: count - end] + between + parts[len(parts) - end :]


def _tile(text: str, color: Color, font_size: int, max_width: int) -> np.ndarray:
    """(h, w, 3) uint8: a text on its background."""
    font = load_font(font_size)
    pad = max(1, font_size // 6)
    text = shorten(text, max_width - 2 * pad, font_size)
    left, _, right, _ = font.getbbox(text)
    ascent, descent = font.getmetrics()
    size = round(right - left) + 2 * pad, ascent + descent
    tile = Image.new('RGB', size, color)
    draw = ImageDraw.Draw(tile)
    draw.text((pad - left, 0), text, fill=ink_on(color), font=font)
    return np.array(tile)


def _places(box: Area, size_hw: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Left upper corners of a label, the best first."""
    x1, y1, x2, y2 = box
    height, width = size_hw
    above, inside, below = y1 - height, y1, y2
    rows = [above, inside, below] if y2 - y1 > 3 * height else [above, below, inside]
    for y in rows:
        yield x1, y
        yield x2 - width, y
    yield x2, y1
    yield x1 - width, y1
    yield x2 - width, y2 - height
    for shift in range(1, SHIFTS + 1):
        for y in (above - shift * height, below + shift * height):
            yield x1, y
        for x in (x2, x1 - width, x1):
            yield x, y1 + shift * height


def _overlap(a: Area, b: Area) -> int:
    """Pixels that two areas share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def _tie(
    image: np.ndarray, box: Sequence[float], area: Area, color: Color, width: int
) -> None:
    """Draw a line, in place, from a label to its box if they do not touch."""
    x1, y1, x2, y2 = (int(round(float(value))) for value in box)
    if _overlap((x1 - 1, y1 - 1, x2 + 2, y2 + 2), area):
        return
    start = (min(max(x1, area[0]), area[2]), area[1] if area[1] > y2 else area[3])
    if area[1] <= y2 and area[3] >= y1:  # beside the box
        start = (area[0] if area[0] >= x2 else area[2], (area[1] + area[3]) // 2)
    end = (min(max(start[0], x1), x2), min(max(start[1], y1), y2))
    cv2.line(image, start, end, color, width, cv2.LINE_AA)
