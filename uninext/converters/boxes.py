"""Boxes of downloads -> boxes of annotation files."""

from __future__ import annotations

from collections.abc import Sequence


def cut_box(box_xyxy: Sequence[float], size_wh: tuple[int, int]) -> list[float] | None:
    """Cut a box to its frame.

    Args:
        box_xyxy: Left, top, right, bottom in pixels, outer edges.
        size_wh: Width and height of the frame in pixels.

    Returns:
        [x, y, width, height] to a hundredth of a pixel; None if nothing is inside.
    """
    x1, y1 = max(box_xyxy[0], 0), max(box_xyxy[1], 0)
    x2, y2 = min(box_xyxy[2], size_wh[0]), min(box_xyxy[3], size_wh[1])
    box_xywh = [round(float(v), 2) for v in (x1, y1, x2 - x1, y2 - y1)]
    return box_xywh if min(box_xywh[2:]) > 0 else None
