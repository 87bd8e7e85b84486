"""Greedy non-maximum suppression without compiled ops, of boxes in any unit."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from uninext.utils.transfers import upload

_SMALLEST_AREA = torch.finfo(torch.float32).tiny  # divides where there is no area


def pairwise_iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """(N, G) IoU of every pair of xyxy boxes, whatever their unit; 0 without an area.

    As mmdet's ``bbox_overlaps``, which waits for a GPU and takes no union to be smaller
    than 1e-6: more than a box of 0.8 pixels has in 0..1 of an image of 1333 x 800.
    """
    overlap = _shared(boxes_a[:, 0::2], boxes_b[:, 0::2])
    overlap *= _shared(boxes_a[:, 1::2], boxes_b[:, 1::2])
    union = _areas(boxes_a)[:, None] + _areas(boxes_b)
    union -= overlap
    return overlap.div_(union.clamp_(min=_SMALLEST_AREA))


def class_aware_nms(
    boxes_xyxy: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float
) -> Tensor:
    """Keep the best box of each group of overlapping boxes of one label.

    Args:
        boxes_xyxy: (N, 4), any unit: pixels or 0..1.
        scores: (N,).
        labels: (N,) int; boxes of different labels never suppress each other.
        iou_threshold: A box is dropped if its IoU with a better kept box is greater.

    Returns:
        Tensor: (K,) int64, indices of the kept boxes, best first.
    """
    order = scores.argsort(descending=True, stable=True)
    if not len(order):
        return order
    boxes, labels = boxes_xyxy[order].float(), labels[order]
    suppresses = pairwise_iou(boxes, boxes) > iou_threshold
    suppresses &= labels[:, None] == labels[None]
    suppresses = suppresses.triu(diagonal=1).cpu().numpy()  # [i, j]: i drops j
    keep = np.ones(len(order), dtype=bool)
    for i in np.flatnonzero(suppresses.any(1)):
        if keep[i]:
            keep &= ~suppresses[i]
    return order[upload(torch.from_numpy(np.flatnonzero(keep)), order.device)]


def _shared(ranges_a: Tensor, ranges_b: Tensor) -> Tensor:
    """(N, G) lengths that ranges (N, 2) and (G, 2) have in common."""
    ends = torch.minimum(ranges_a[:, 1, None], ranges_b[:, 1])
    ends -= torch.maximum(ranges_a[:, 0, None], ranges_b[:, 0])
    return ends.clamp_(min=0)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
