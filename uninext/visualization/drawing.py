"""Draw instances onto an image: masks with outlines, boxes, labels.

Pixels are painted directly, not through a matplotlib figure, which would take seconds
for a 4K image; and sizes are in pixels.

Images are (H, W, 3) uint8 RGB and are painted in place where a function says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from uninext.visualization.lettering import paint_labels
from uninext.visualization.palette import Color

MASK_OPACITY = 0.45


@dataclass(frozen=True)
class DrawingScale:
    """Sizes that suit an image.

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


def draw_instances(
    image: np.ndarray,
    boxes: np.ndarray,
    texts: Sequence[str],
    colors: Sequence[Color],
    masks: Sequence[np.ndarray] | None = None,
    alpha: float = MASK_OPACITY,
) -> np.ndarray:
    """Draw masks, then boxes, then labels; the first instance is on top.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) xyxy in pixels of the image.
        texts: N labels; an empty one is left out.
        colors: N colours.
        masks: N masks (H, W) bool; None: boxes only.
        alpha: Opacity of masks in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB, a new image.

    Raises:
        ValueError: If a mask is not of the image's size.
    """
    canvas = np.ascontiguousarray(image).copy()
    scale = DrawingScale.of(*canvas.shape[:2])
    order = range(len(colors) - 1, -1, -1)
    if masks is not None:
        for i in order:
            paint_mask(canvas, masks[i], colors[i], alpha, scale.line_width)
    for i in order:
        paint_box(canvas, boxes[i], colors[i], scale.line_width)
    return paint_labels(canvas, boxes, texts, colors, scale.font_size)


def paint_mask(
    image: np.ndarray, mask: np.ndarray, color: Color, alpha: float, line_width: int
) -> None:
    """Tint a mask, (H, W) bool, and trace its outline, which is opaque, in place.

    Raises:
        ValueError: If the mask is not of the image's size.
    """
    if mask.shape != image.shape[:2]:
        raise ValueError(
            f'A mask of size {mask.shape} (H, W) cannot be drawn on an image of size '
            f'{image.shape[:2]}. Predictions and annotations must be in the frame of '
            'the image that is drawn on.'
        )
    bitmap = np.ascontiguousarray(mask, dtype=bool).view(np.uint8)
    x, y, width, height = cv2.boundingRect(bitmap)
    if not width:
        return
    around = slice(y, y + height), slice(x, x + width)
    values = np.arange(256)[:, None] * (1 - alpha) + np.array(color) * alpha  # (256, 3)
    tinted = cv2.LUT(image[around], values.astype(np.uint8)[None])
    image[around] = cv2.copyTo(tinted, bitmap[around], image[around].copy())
    contours, _ = cv2.findContours(
        bitmap[around], cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x, y)
    )
    cv2.drawContours(image, contours, -1, color, line_width, cv2.LINE_AA)


def paint_box(
    image: np.ndarray, box: Sequence[float], color: Color, line_width: int
) -> None:
    """Draw a box xyxy (pixels), clipped to the image, in place."""
    height, width = image.shape[:2]
    limits = np.array([width, height, width, height]) - 1
    x1, y1, x2, y2 = np.clip(np.round(box), 0, limits).astype(int).tolist()
    cv2.rectangle(image, (x1, y1), (x2, y2), color, line_width)
