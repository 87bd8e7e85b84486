"""Draw masks, boxes, labels and captions onto a picture.

Pixels are painted directly, not through a matplotlib figure: a 4K picture takes
milliseconds instead of seconds, and sizes are in pixels.

Pictures are (H, W, 3) uint8 RGB and are painted in place where a function says so.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
BLACK, WHITE, BAR_COLOR = (0, 0, 0), (255, 255, 255), (24, 24, 28)
GOLDEN_RATIO = 0.61803398875  # steps of hue that never come close to an earlier one


@dataclass(frozen=True)
class DrawingScale:
    """Sizes that suit a picture.

    Attributes:
        line_width: Of boxes and outlines, pixels.
        font_size: Of labels and captions, pixels.
    """

    line_width: int
    font_size: int

    @classmethod
    def of(cls, height: int, width: int) -> DrawingScale:
        """Grow with the shorter side: 2 and 11 px at 320 x 240, 7 and 48 at 4K."""
        side = min(height, width)
        return cls(max(2, round(side / 300)), max(11, round(side / 45)))


def instance_color(index: int) -> Color:
    """Give an index (a label, a track id) its colour, always the same.

    Raises:
        ValueError: If the index is negative.
    """
    if index < 0:
        raise ValueError(f'A colour needs an index of at least 0, got {index}.')
    hue = (0.02 + index * GOLDEN_RATIO) % 1.0
    saturation = (0.85, 0.6, 1.0)[index // 8 % 3]
    value = (1.0, 0.8)[index // 4 % 2]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def paint_mask(
    image: np.ndarray, mask: np.ndarray, color: Color, alpha: float, line_width: int
) -> None:
    """Tint a mask and trace its outline, in place.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool, True on the object.
        color: RGB.
        alpha: Opacity of the tint in [0, 1]; the outline is opaque.
        line_width: Of the outline, pixels.

    Raises:
        ValueError: If the mask is not of the picture's size.
    """
    if mask.shape != image.shape[:2]:
        raise ValueError(
            f'A mask of size {mask.shape} (H, W) cannot be drawn on a picture of size '
            f'{image.shape[:2]}. Predictions and annotations must be in the frame of '
            'the picture that is drawn on.'
        )
    if not mask.any():
        return
    tinted = image[mask] * (1 - alpha) + np.array(color) * alpha
    image[mask] = tinted.astype(np.uint8)
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(image, contours, -1, color, line_width, cv2.LINE_AA)


def paint_box(
    image: np.ndarray, box: Sequence[float], color: Color, line_width: int
) -> None:
    """Draw a box xyxy (pixels), clipped to the picture, in place."""
    height, width = image.shape[:2]
    limits = np.array([width, height, width, height]) - 1
    x1, y1, x2, y2 = np.clip(np.round(box), 0, limits).astype(int).tolist()
    cv2.rectangle(image, (x1, y1), (x2, y2), color, line_width)


def paint_labels(
    image: np.ndarray,
    boxes: np.ndarray,
    texts: Sequence[str],
    colors: Sequence[Color],
    font_size: int,
) -> np.ndarray:
    """Write a label at every box where it covers no other label, if there is room.

    Args:
        image: (H, W, 3) uint8.
        boxes: (N, 4) xyxy in pixels.
        texts: N labels; an empty one is left out.
        colors: N backgrounds; the text is black or white, whichever reads better.
        font_size: In pixels.

    Returns:
        The picture with labels, a new array.
    """
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    font = _load_font(font_size)
    pad = max(1, font_size // 8)
    taken: list[tuple[int, int, int, int]] = []
    for box, text, color in zip(boxes, texts, colors):
        if not text:
            continue
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        size = right - left + 2 * pad, bottom - top + 2 * pad
        x, y = _find_place(box, size, image.shape[:2], taken)
        taken.append((x, y, x + size[0], y + size[1]))
        draw.rectangle((x, y, x + size[0] - 1, y + size[1] - 1), fill=color)
        ink = BLACK if _luminance(color) > 140 else WHITE
        draw.text((x + pad - left, y + pad - top), text, fill=ink, font=font)
    return np.array(canvas)


def add_caption(image: np.ndarray, text: str, font_size: int) -> np.ndarray:
    """Put a bar with wrapped text on top of a picture.

    Args:
        image: (H, W, 3) uint8.
        text: Any length.
        font_size: In pixels.

    Returns:
        (H + bar, W, 3) uint8.
    """
    font = _load_font(font_size)
    pad = max(2, font_size // 3)
    lines = _wrap(text, font, image.shape[1] - 2 * pad)
    line_height = round(font_size * 1.3)
    bar_height = line_height * len(lines) + 2 * pad
    bar = Image.new('RGB', (image.shape[1], bar_height), BAR_COLOR)
    draw = ImageDraw.Draw(bar)
    for i, line in enumerate(lines):
        draw.text((pad, pad + i * line_height), line, fill=WHITE, font=font)
    return np.concatenate([np.array(bar), image])


def pad_to_height(image: np.ndarray, height: int) -> np.ndarray:
    """Add bar colour on top until a picture is ``height`` rows high."""
    bar = np.full((height - image.shape[0], *image.shape[1:]), BAR_COLOR, np.uint8)
    return np.concatenate([bar, image])


@lru_cache(maxsize=16)
def _load_font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont('DejaVu Sans'), size)


def _luminance(color: Color) -> float:
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _find_place(
    box: Sequence[float],
    size: tuple[int, int],
    image_size: tuple[int, int],
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int]:
    """Above the box, else inside it, else below; the first that covers no label."""
    x1, y1, x2, y2 = (int(round(float(value))) for value in box)
    width, height = size
    candidates = [
        (x1, y1 - height),
        (x1, y1),
        (x2 - width, y1 - height),
        (x1, y2),
        (x2 - width, y2 - height),
    ]
    places = []
    for x, y in candidates:
        if y < 0 or y + height > image_size[0]:
            continue
        x = min(max(x, 0), max(image_size[1] - width, 0))
        area = (x, y, x + width, y + height)
        if not any(_intersect(area, other) for other in taken):
            return x, y
        places.append((x, y))
    return places[0] if places else (max(x1, 0), max(y1, 0))


def _intersect(a: Sequence[int], b: Sequence[int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = ['']
    for word in text.split():
        longer = f'{lines[-1]} {word}'.strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
