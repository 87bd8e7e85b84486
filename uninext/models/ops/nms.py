"""Greedy non-maximum suppression without compiled ops, of boxes in any unit."""

from __future__ import annotations

import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

_SMALLEST_AREA = torch.finfo(torch.float32).tiny  # divides where there is no area


def pairwise_iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """(N, G) IoU of every pair of xyxy boxes, whatever their unit; 0 without an area.

    mmdet's ``bbox_overlaps`` takes no union to be smaller than 1e-6, which is more than
    a box of 0.8 pixels has in 0..1 of an image of 1333 x 800.
    """
    return bbox_overlaps(boxes_a, boxes_b, eps=_SMALLEST_AREA)


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
    keep = torch.ones(len(order), dtype=torch.bool).numpy()
    for i in range(len(order)):
        if keep[i]:
            keep &= ~suppresses[i]
    return order[torch.from_numpy(keep).to(order.device)]
