"""Referring metrics: how well one prediction per expression covers the one target.

Legend: S expressions; boxes are (x1, y1, x2, y2) in absolute pixels without the old
``+1``; masks are bool, True on the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from uninext.formats.boxes import box_intersection

PRECISION_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


class Overlap(NamedTuple):
    """Area shared by a prediction and its target, and area covered by either.

    Attributes:
        intersection: In square pixels.
        union: In square pixels; 0 only if both are empty.
    """

    intersection: float
    union: float

    @property
    def iou(self) -> float:
        """Intersection over union in [0, 1]; 0 where both are empty."""
        return self.intersection / self.union if self.union > 0 else 0.0


def box_overlap(prediction: np.ndarray | None, target: np.ndarray) -> Overlap:
    """Overlap of two boxes.

    Args:
        prediction: Predicted box, (4,) xyxy in pixels; None where nothing was
            predicted.
        target: Annotated box, (4,) xyxy in pixels.

    Raises:
        ValueError: If a box does not have four numbers.

    Example:
        >>> box_overlap(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])).iou
        0.3333333333333333
    """
    target = _as_box(target, 'target')
    target_area = _box_area(target)
    if prediction is None:
        return Overlap(0.0, target_area)
    prediction = _as_box(prediction, 'prediction')
    intersection = float(box_intersection(prediction, target))
    return Overlap(intersection, _box_area(prediction) + target_area - intersection)


def mask_overlap(prediction: np.ndarray | None, target: np.ndarray) -> Overlap:
    """Overlap of two masks of the same image.

    Args:
        prediction: Predicted mask, (H, W) bool; None where nothing was predicted.
        target: Annotated mask, (H, W) bool.

    Raises:
        ValueError: If the masks differ in size.
    """
    target = np.asarray(target, dtype=bool)
    if prediction is None:
        return Overlap(0.0, float(target.sum()))
    prediction = np.asarray(prediction, dtype=bool)
    if prediction.shape != target.shape:
        raise ValueError(
            f'The predicted mask has the shape {prediction.shape} and the annotated '
            f'one {target.shape}; both must be (H, W) of the original image.'
        )
    intersection = float(np.count_nonzero(prediction & target))
    return Overlap(intersection, float(np.count_nonzero(prediction | target)))


def summarize_overlaps(
    overlaps: Sequence[Overlap],
    thresholds: Sequence[float] = PRECISION_THRESHOLDS,
) -> dict[str, float]:
    """Summarize a set of predictions, one per expression.

    Args:
        overlaps: One :class:`Overlap` per expression, S of them.
        thresholds: A prediction is right if its IoU is strictly above the threshold.

    Returns:
        ``P@<threshold>`` (share of right predictions), ``P@mean`` (their average over
        the thresholds), ``oIoU`` (sum of intersections over sum of unions) and ``mIoU``
        (average of IoUs), all in [0, 1]; NaN for a set without expressions.
    """
    names = [f'P@{threshold:g}' for threshold in thresholds]
    if not overlaps:
        return dict.fromkeys([*names, 'P@mean', 'oIoU', 'mIoU'], float('nan'))
    ious = np.array([overlap.iou for overlap in overlaps])  # (S,)
    areas = np.array([tuple(overlap) for overlap in overlaps], dtype=np.float64)
    precisions = [float((ious > threshold).mean()) for threshold in thresholds]
    intersection, union = areas.sum(0)
    return {
        **dict(zip(names, precisions)),
        'P@mean': float(np.mean(precisions)),
        'oIoU': float(intersection / union) if union > 0 else 0.0,
        'mIoU': float(ious.mean()),
    }


def _as_box(box: np.ndarray, name: str) -> np.ndarray:
    box = np.asarray(box, dtype=np.float64)
    if box.shape != (4,):
        raise ValueError(f'{name} must be four numbers xyxy, got shape {box.shape}.')
    return box


def _box_area(box: np.ndarray) -> float:
    return float(np.prod(np.clip(box[2:] - box[:2], 0, None)))
