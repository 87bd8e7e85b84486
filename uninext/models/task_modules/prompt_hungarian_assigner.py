"""One-to-one assignment of predictions to the prompted objects of an image.

Between predictions and their losses: of the encoder's head at all N locations, or, in
place of SimOTA, of a decoder layer's N queries.

Shape legend: N predictions (some ten thousand), G objects, L prompt tokens.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from uninext.registry import TASK_UTILS

from .assignment import PromptAssignment, focal_class_cost, mean_over_tokens
from .boxes import pairwise_iou_giou


@TASK_UTILS.register_module()
class PromptHungarianAssigner:
    """Cheapest one-to-one matching by class, L1 and GIoU, exact.

    An object's partner is always among its G cheapest predictions (were it not, one of
    them would be free), so only those leave the device.

    Paper: End-to-End Object Detection with Transformers, 2005.12872, Eq. 1, with the
    class cost of Deformable DETR, 2010.04159.

    Args:
        cls_weight: Weight of the focal-style class cost.
        l1_weight: Weight of the L1 distance of normalised cxcywh.
        giou_weight: Weight of -GIoU.
        focal_alpha: Of the class cost.
        focal_gamma: Of the class cost.
    """

    def __init__(
        self,
        cls_weight: float = 2.0,
        l1_weight: float = 5.0,
        giou_weight: float = 2.0,
        focal_alpha: float = 0.25,
        focal_gamma: float = 2.0,
    ) -> None:
        self.cls_weight = cls_weight
        self.l1_weight = l1_weight
        self.giou_weight = giou_weight
        self.focal_alpha = focal_alpha
        self.focal_gamma = focal_gamma

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
        token_cost = focal_class_cost(logits, self.focal_alpha, self.focal_gamma)
        return (
            self.cls_weight * mean_over_tokens(token_cost, positive_maps)
            + self.l1_weight * torch.cdist(boxes, gt_boxes, p=1)
            - self.giou_weight * pairwise_iou_giou(boxes, gt_boxes)[1]
        )
