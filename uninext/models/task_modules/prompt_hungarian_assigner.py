"""One-to-one assignment of predictions to the prompted objects of an image.

Between predictions and their losses: of the encoder's head at all N locations, or, in
place of SimOTA, of a decoder layer's N queries.

Shape legend: N predictions (some ten thousand), G objects, L prompt tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uninext.registry import TASK_UTILS

from .assignment import PromptAssignment, focal_class_cost, mean_over_tokens
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
        gt_boxes_cxcywh: Tensor,
        gt_positive_maps: Tensor | None = None,
    ) -> PromptAssignment:
        """Match the predictions of one image.

        Args:
            logits: (N, L) retrieval logits.
            boxes_cxcywh: (N, 4) predicted boxes, normalised.
            gt_boxes_cxcywh: (G, 4), normalised.
            gt_positive_maps: (G, L) bool, True at the tokens of the object's name, over
                which the class cost is averaged. None: L is 1, is there an object.

        Returns:
            min(N, G) pairs, ascending by prediction.

        Raises:
            ValueError: If a prediction is not finite, i.e. training has diverged.
        """
        num_gts, device = len(gt_boxes_cxcywh), logits.device
        if not num_gts:
            return PromptAssignment.empty(device)
        from scipy.optimize import linear_sum_assignment  # half a second to load

        with torch.autocast(device.type, enabled=False):
            if gt_positive_maps is None:
                gt_positive_maps = logits.new_ones(num_gts, 1)
            cost = self._costs(
                logits, boxes_cxcywh.float(), gt_boxes_cxcywh.float(), gt_positive_maps
            )
        near = cost.topk(min(num_gts, len(cost)), dim=0, largest=False).indices
        rows = near.flatten().unique()  # ascending
        small = cost[rows].cpu()
        if not small.isfinite().all():
            raise ValueError(
                'The predictions of the network are not finite (nan or inf): '
                'training has diverged. Resume from an earlier checkpoint with a lower '
                'learning rate, or check the boxes of the annotations.'
            )
        picked, gt_inds = (
            torch.from_numpy(inds).to(device) for inds in linear_sum_assignment(small)
        )
        query_inds = rows[picked]
        best = query_inds.new_full((num_gts,), -1).scatter(0, gt_inds, query_inds)
        return PromptAssignment(query_inds, gt_inds, best)

    def _costs(
        self, logits: Tensor, boxes: Tensor, gt_boxes: Tensor, positive_maps: Tensor
    ) -> Tensor:
        """Cost of each prediction for each object, (N, G)."""
        token_cost = focal_class_cost(logits)
        return (
            _CLS_WEIGHT * mean_over_tokens(token_cost, positive_maps)
            + _L1_WEIGHT * torch.cdist(boxes, gt_boxes, p=1)
            - _GIOU_WEIGHT * pairwise_iou_giou(boxes, gt_boxes)[1]
        )
