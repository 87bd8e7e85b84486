"""One-to-one assignment of predictions to the prompted objects of their image.

Between predictions and their losses: of the encoder's head at all N locations, or, in
place of SimOTA, of the N queries of decoder layers.

Shape legend: B images, N predictions (some ten thousand), G largest number of objects
of an image, L prompt tokens; dots: decoder layers, or nothing; R layers times images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from uninext.registry import TASK_UTILS
from uninext.utils.transfers import download, upload

from .assignment import (
    PaddedObjects,
    PromptAssignment,
    focal_class_cost,
    mean_over_tokens,
)
from .iou import pairwise_iou_giou

# Deformable DETR, as published: class cost, L1 of normalised cxcywh, -GIoU
_CLS_WEIGHT, _L1_WEIGHT, _GIOU_WEIGHT = 2.0, 5.0, 2.0


@TASK_UTILS.register_module()
class PromptHungarianAssigner:
    """Cheapest one-to-one matching by class, L1 and GIoU, exact.

    An object's partner is always among its G cheapest predictions (were it not, one of
    them would be free), so only those leave the device.

    Paper: End-to-End Object Detection with Transformers, 2005.12872, Eq. 1, with the
    class cost of Deformable DETR, 2010.04159. mmdet's ``HungarianAssigner`` sums the
    class cost over the tokens and takes all N x G costs off the device.
    """

    @torch.no_grad()
    def assign(
        self,
        logits: Tensor,
        boxes_cxcywh: Tensor,
        gt_boxes_cxcywh: Sequence[Tensor],
        gt_positive_maps: Sequence[Tensor] | None = None,
    ) -> PromptAssignment:
        """Match the predictions of each layer and image.

        Args:
            logits: (..., B, N, L) retrieval logits.
            boxes_cxcywh: (..., B, N, 4) predicted boxes, normalised.
            gt_boxes_cxcywh: Per image (G_i, 4), normalised.
            gt_positive_maps: Per image (G_i, L) bool, True at the tokens of the
                object's name, over which the class cost is averaged. None: L is 1, is
                there an object.

        Returns:
            ``gt_inds`` (..., B, N), with min(N, G_i) objects of each image, and
            ``best_query_inds`` (..., B, G).

        Raises:
            ValueError: If a prediction is not finite, i.e. training has diverged.
        """
        if gt_positive_maps is None:
            gt_positive_maps = [
                boxes.new_ones(len(boxes), 1) for boxes in gt_boxes_cxcywh
            ]
        counts = [len(boxes) for boxes in gt_boxes_cxcywh]
        from scipy.optimize import linear_sum_assignment  # half a second to load

        with torch.autocast(logits.device.type, enabled=False):
            objects = PaddedObjects.pad(gt_boxes_cxcywh, gt_positive_maps)
            cost = self._costs(logits, boxes_cxcywh.float(), objects)
        shape = cost.shape
        cost = cost.flatten(0, -3)  # (R, N, G)
        valid = objects.valid.expand(*shape[:-2], -1).flatten(0, -2)  # (R, G)
        rows, predictions, small = _cheapest(cost, valid)
        gt_inds = torch.full(cost.shape[:2], -1)
        best = torch.full((len(cost), shape[-1]), -1)
        for row in range(len(cost)):
            here = rows == row
            mine = small[here, : counts[row % len(counts)]]
            if not mine.isfinite().all():
                raise ValueError(
                    'The predictions of the network are not finite (nan or inf): '
                    'training has diverged. Resume from an earlier checkpoint with a '
                    'lower learning rate, or check the boxes of the annotations.'
                )
            picked, gts = map(torch.from_numpy, linear_sum_assignment(mine))
            queries = predictions[here][picked]
            gt_inds[row, queries], best[row, gts] = gts, queries
        return PromptAssignment(
            upload(gt_inds, cost.device).view(shape[:-1]),
            upload(best, cost.device).view(*shape[:-2], shape[-1]),
        )

    def _costs(self, logits: Tensor, boxes: Tensor, objects: PaddedObjects) -> Tensor:
        """Cost of each prediction for each object, (..., N, G)."""
        class_cost = mean_over_tokens(focal_class_cost(logits), objects.token_shares)
        return (
            _CLS_WEIGHT * class_cost
            + _L1_WEIGHT * torch.cdist(boxes, objects.boxes, p=1)
            - _GIOU_WEIGHT * pairwise_iou_giou(boxes, objects.boxes)[1]
        )


def _cheapest(cost: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions that are among the G cheapest of an object, in main memory.

    Args:
        cost: (R, N, G).
        valid: (R, G) bool, True where there is an object.

    Returns:
        tuple: rows (K,) and predictions (K,), ascending, and their costs (K, G).
    """
    num_near = min(cost.shape[1:])
    near = cost.topk(num_near, dim=1, largest=False).indices  # (R, G or N, G)
    counts = valid[:, None].expand_as(near).int()
    chosen = torch.zeros(cost.shape[:2], dtype=torch.int32, device=cost.device)
    chosen.scatter_add_(1, near.flatten(1), counts.flatten(1))
    rows, predictions = chosen.nonzero().unbind(1)  # a wait for the device
    small = cost[rows, predictions]
    if cost.device.type == 'cpu':
        return rows, predictions, small
    rows, predictions, small = download([rows, predictions, small])
    return rows.long(), predictions.long(), small
