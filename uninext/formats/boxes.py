"""Boxes as arrays: corners and sides, what two of them share, cut to a frame.

``xyxy``: left, top, right, bottom; ``xywh``: left, top, width, height; in pixels,
(..., 4). Right and bottom are the outer edge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def xywh_to_xyxy(boxes_xywh: Sequence | np.ndarray) -> np.ndarray:
    """Sides to corners, (..., 4) float64."""
    boxes = np.asarray(boxes_xywh, dtype=np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes_xyxy: Sequence | np.ndarray) -> np.ndarray:
    """Corners to sides, (..., 4) float64."""
    boxes = np.asarray(boxes_xyxy, dtype=np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def box_intersection(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """Area that boxes share; shapes (..., 4) are broadcast."""
    top_left = np.maximum(a_xyxy[..., :2], b_xyxy[..., :2])
    bottom_right = np.minimum(a_xyxy[..., 2:], b_xyxy[..., 2:])
    return np.prod(np.clip(bottom_right - top_left, 0, None), axis=-1)


def share_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide areas; ``whole`` is broadcast, the share is 0 where it has none."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def pairwise_iou(
    a_xyxy: Sequence | np.ndarray, b_xyxy: Sequence | np.ndarray
) -> np.ndarray:
    """IoU of all pairs.

    Args:
        a_xyxy: (A, 4).
        b_xyxy: (B, 4).

    Returns:
        (A, B) in [0, 1]; 0 where neither has an area.
    """
    a, b = (np.asarray(x, dtype=np.float64).reshape(-1, 4) for x in (a_xyxy, b_xyxy))
    shared = box_intersection(a[:, None], b[None])
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return share_of(shared, areas[0][:, None] + areas[1] - shared)


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
