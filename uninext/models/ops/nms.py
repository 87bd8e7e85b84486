"""Greedy non-maximum suppression without compiled ops."""

from __future__ import annotations

import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor


def class_aware_nms(
    boxes_xyxy: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float
) -> Tensor:
    """Keep the best box of each group of overlapping boxes of one label.

    Args:
        boxes_xyxy: (N, 4), any unit.
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
    suppresses = bbox_overlaps(boxes, boxes) > iou_threshold
    suppresses &= labels[:, None] == labels[None]
    suppresses = suppresses.triu(diagonal=1).cpu().numpy()  # [i, j]: i drops j
    keep = torch.ones(len(order), dtype=torch.bool).numpy()
    for i in range(len(order)):
        if keep[i]:
            keep &= ~suppresses[i]
    return order[torch.from_numpy(keep).to(order.device)]
