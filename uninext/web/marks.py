"""The image that is clicked: boxes and a waiting corner are drawn onto it.

Or a frame whose tracks are clicked, to correct one.
"""

from __future__ import annotations

import cv2
import numpy as np

from uninext.apis import Result
from uninext.visualization.drawing import DrawingScale, paint_box
from uninext.visualization.palette import BLACK, WHITE, Color, instance_color
from uninext.web.prompts import Corner, boxes_to_draw
from uninext.web.shared_inferencer import enlargement, plot_for_page


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
        _paint_cross(marked, corner, instance_color(len(found)), width)
    return marked


def draw_correction(
    found: Result, track_id: int | None, boxes: np.ndarray, corner: Corner | None
) -> np.ndarray:
    """Draw the tracks of a frame, or the one that is chosen and where it is to be.

    Args:
        found: In the frame.
        track_id: Chosen; None: none yet.
        boxes: (n, 4) where it is to be.
        corner: That waits.

    Returns:
        (h, w, 3) uint8 BGR, as :func:`plot_for_page` has it.
    """
    if track_id is not None:
        found = found.only(found.track_ids == track_id)
    drawn, times = plot_for_page(found), enlargement(found.image)
    width = DrawingScale.of(*drawn.shape[:2]).line_width
    for box in times * boxes:
        paint_box(drawn, box, BLACK, 3 * width)
        paint_box(drawn, box, WHITE, width)
    if corner is not None:
        x, y = (round(times * value) for value in corner)
        _paint_cross(drawn, (x, y), WHITE, width)
    return drawn


def _paint_cross(
    image: np.ndarray, point: Corner, color: Color, line_width: int
) -> None:
    for paint, line in ((BLACK, 2 * line_width), (color, line_width)):
        cv2.drawMarker(image, point, paint, cv2.MARKER_CROSS, 8 * line_width, line)
