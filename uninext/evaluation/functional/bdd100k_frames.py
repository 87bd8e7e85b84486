"""BDD100K tracking: what labels are compared by, boxes or masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as mask_utils

from uninext.evaluation.functional.tracking import mask_similarity
from uninext.formats.boxes import box_intersection, pairwise_iou, share_of
from uninext.formats.scalabel import (
    BDD_SIZE_WH,
    ScalabelFrame,
    ScalabelObject,
    mask_to_rle,
)


class ObjectShape(NamedTuple):
    """How objects are compared: by their boxes or by their masks.

    Attributes:
        get: Shape of an object in an image of a width and height; None if it has none.
        similarity: IoU (G, P) of annotated and predicted shapes.
        cover: (P, R) in [0, 1], the part of a prediction that a region covers.
        exclusive: Whether predictions must not overlap.
    """

    get: Callable[[ScalabelObject, tuple[int, int]], Any]
    similarity: Callable[[Sequence, Sequence], np.ndarray]
    cover: Callable[[Sequence, Sequence], np.ndarray]
    exclusive: bool


def _box_cover(predictions: Sequence, regions: Sequence) -> np.ndarray:
    boxes = np.reshape(predictions, (-1, 1, 4))
    others = np.reshape(regions, (1, -1, 4))
    areas = np.prod(boxes[..., 2:] - boxes[..., :2], axis=2)  # (P, 1)
    return share_of(box_intersection(boxes, others), areas)


def _mask_cover(predictions: Sequence, regions: Sequence) -> np.ndarray:
    # with these flags pycocotools divides by the area of the prediction
    return np.asarray(
        mask_utils.iou(list(predictions), list(regions), [1] * len(regions))
    )


def _box_of(
    obj: ScalabelObject, size_wh: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    return obj.box_xyxy


def _single_box_of(
    obj: ScalabelObject, size_wh: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """The box, its left, top, width and height in single precision."""
    if obj.box_xyxy is None:
        return None
    x1, y1, x2, y2 = obj.box_xyxy
    x, y, width, height = np.array(
        (x1, y1, x2 - x1, y2 - y1), dtype=np.float32
    ).tolist()
    return x, y, x + width, y + height


def object_rle(obj: ScalabelObject, size_wh: tuple[int, int]) -> dict | None:
    """Mask of an object as RLE; None if it has none.

    Raises:
        ValueError: If the mask is of another size.
    """
    return None if obj.mask is None else mask_to_rle(obj.mask, size_wh)


def image_size(*frames: ScalabelFrame | None) -> tuple[int, int]:
    """Width and height of an image: as stated, as its masks have it, or as usual.

    Args:
        *frames: Labels of the image; the first that knows decides.
    """
    present = [frame for frame in frames if frame is not None]
    for frame in present:
        if frame.size_wh:
            return frame.size_wh
    for frame in present:
        for obj in frame.objects:
            if isinstance(obj.mask, dict):
                return obj.mask['size'][1], obj.mask['size'][0]
    return BDD_SIZE_WH


# As the toolkit holds boxes today, and as it held them when the sample of its tests was
# evaluated; MOTP shows it in its eighth digit.
BOXES = ObjectShape(_box_of, pairwise_iou, _box_cover, False)
SINGLE_BOXES = BOXES._replace(get=_single_box_of)
MASKS = ObjectShape(object_rle, mask_similarity, _mask_cover, True)


def finite_metrics(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Replace what JSON cannot hold.

    Returns:
        The same with None for NaN and infinities.
    """
    return {k: v if math.isfinite(v) else None for k, v in metrics.items()}
