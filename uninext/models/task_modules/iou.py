"""IoU and generalised IoU of normalised boxes, as the assigners and losses count them.

mmdet's ``bbox_overlaps`` takes the larger of an area and eps; the published code adds
1e-7 to it. A box of 1 % of both sides has an area of 1e-4, where the two differ by
about 1e-3, hence these few lines.
"""

from __future__ import annotations

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor

_EPS = 1e-7  # added to every area that divides


def aligned_iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """IoU (..., M) float32 of box ``i`` of one set with box ``i`` of the other."""
    return _overlaps(boxes_a, boxes_b)[0]


def aligned_giou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """Generalised IoU (..., M) float32 of box ``i`` of one set and ``i`` of the other.

    Paper: Generalized Intersection over Union, 1902.09630, Algorithm 1.
    """
    return _overlaps(boxes_a, boxes_b)[1]


def pairwise_iou_giou(boxes_a: Tensor, boxes_b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU, (..., N, G), of (..., N, 4) with (..., G, 4) boxes."""
    return _overlaps(boxes_a[..., :, None, :], boxes_b[..., None, :, :])


def _overlaps(boxes_a: Tensor, boxes_b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of boxes (cxcywh) whose shapes broadcast."""
    a, b = (bbox_cxcywh_to_xyxy(boxes.float()) for boxes in (boxes_a, boxes_b))
    inter = _area(torch.max(a[..., :2], b[..., :2]), torch.min(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - inter
    hull = _area(torch.min(a[..., :2], b[..., :2]), torch.max(a[..., 2:], b[..., 2:]))
    iou = inter / (union + _EPS)
    return iou, iou - (hull - union) / (hull + _EPS)


def _area(top_left: Tensor, bottom_right: Tensor) -> Tensor:
    """Area between two corners; 0 where they are the wrong way round."""
    width, height = (bottom_right - top_left).clamp(min=0).unbind(-1)
    return width * height
