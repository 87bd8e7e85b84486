"""The image that is clicked: boxes and a waiting corner are drawn onto it."""

from __future__ import annotations

import cv2
import numpy as np

from uninext.visualization.drawing import DrawingScale, paint_box
from uninext.visualization.palette import BLACK, instance_color
from uninext.web.prompts import Corner, boxes_to_draw


def draw_marks(
    image: np.ndarray | None, boxes: str | None, corner: Corner | None
) -> np.ndarray | None:
    """Draw boxes, and the corner that waits, on a copy of an (H, W, 3) uint8 RGB."""
    if image is None:
        return None
    marked = np.ascontiguousarray(image).copy()
    width = DrawingScale.of(*marked.shape[:2]).line_width
    found = boxes_to_draw(boxes, marked.shape[:2])
    for i, box in enumerate(found):
        paint_box(marked, box, BLACK, 2 * width)
        paint_box(marked, box, instance_color(i), width)
    if corner is not None:
        size = 8 * width
        for color, line in ((BLACK, 2 * width), (instance_color(len(found)), width)):
            cv2.drawMarker(marked, corner, color, cv2.MARKER_CROSS, size, line)
    return marked
