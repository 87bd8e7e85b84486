"""One-to-many assignment of decoder queries to the prompted objects of their image.

Between predictions of decoder layers and their losses; one call for all layers and
images.

Shape legend: B images, Q queries, G largest number of objects of an image, L prompt
tokens; dots: decoder layers, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from uninext.registry import TASK_UTILS

from .assignment import (
    PaddedObjects,
    PromptAssignment,
    focal_class_cost,
    mean_over_tokens,
)
from .iou import pairwise_iou_giou

# As published (OTA branch of HungarianMatcherVL).
_CENTER_RADIUS = 2.5 / 32  # half side of the square around a centre, normalised
_GIOU_WEIGHT = 3.0
_OFF_CENTER_COST = 100.0  # not both in the box and close to its centre
_BACKGROUND_COST = 1e4  # in or close to no object
_USED_COST = 1e5  # a query that is taken costs more than any free one


@TASK_UTILS.register_module()
class PromptSimOTAAssigner:
    """SimOTA on retrieval logits and boxes: each object gets 1 to ``candidate_topk``.

    The cost of a query for an object is its class cost, averaged over the tokens of the
    object's name, minus weighted GIoU, plus a cost where the query's centre is not both
    in the object's box and close to its centre, plus a high cost where the query is in
    or close to no object at all. There is no L1 term.

    Paper: YOLOX: Exceeding YOLO Series in 2021, 2107.08430 (SimOTA). Follows: published
    ``HungarianMatcherVL`` (OTA branch). Where an image has more objects than queries,
    the published code may not end; here the surplus objects stay without a query.

    Args:
        candidate_topk: An object gets as many queries as its best IoUs sum to, of so
            many.
    """

    def __init__(self, candidate_topk: int = 10) -> None:
        if candidate_topk < 1:
            raise ValueError(f'candidate_topk must be 1 or more, got {candidate_topk}.')
        self.candidate_topk = candidate_topk

    @torch.no_grad()
    def assign(
        self,
        logits: Tensor,
        boxes_cxcywh: Tensor,
        gt_boxes_cxcywh: Sequence[Tensor],
        gt_positive_maps: Sequence[Tensor],
    ) -> PromptAssignment:
        """Match the queries of each layer and image.

        Args:
            logits: (..., B, Q, L) retrieval logits.
            boxes_cxcywh: (..., B, Q, 4) predicted boxes, normalised.
            gt_boxes_cxcywh: Per image (G_i, 4), normalised.
            gt_positive_maps: Per image (G_i, L) bool, True at the tokens of the
                object's name.

        Returns:
            ``gt_inds`` (..., B, Q) and ``best_query_inds`` (..., B, G).
        """
        with torch.autocast(logits.device.type, enabled=False):
            objects = PaddedObjects.pad(gt_boxes_cxcywh, gt_positive_maps)
            if not objects.valid.shape[1]:
                none = logits.new_full(logits.shape[:-1], -1, dtype=torch.int64)
                return PromptAssignment(none, none[..., :0])
            cost, ious = self._costs(logits, boxes_cxcywh.float(), objects)
            matching = self._dynamic_k_matching(cost, ious, objects.valid)
            matching, cost = self._leave_no_object_out(cost, matching, objects.valid)
        gt_inds = matching.int().argmax(-1)  # the first of a query
        best = cost.masked_fill(~matching, torch.inf).argmin(-2)
        return PromptAssignment(
            gt_inds.masked_fill(~matching.any(-1), -1),
            best.masked_fill(~matching.any(-2), -1),
        )

    def _costs(
        self, logits: Tensor, boxes: Tensor, objects: PaddedObjects
    ) -> tuple[Tensor, Tensor]:
        """Cost and IoU of queries with objects, (..., Q, G); inf where is no object."""
        absent = ~objects.valid[:, None]  # (B, 1, G)
        ious, gious = pairwise_iou_giou(boxes, objects.boxes)
        in_box, near_center = self._location(boxes, objects.boxes)
        cost = (
            mean_over_tokens(focal_class_cost(logits), objects.token_shares)
            - _GIOU_WEIGHT * gious
            + _OFF_CENTER_COST * ~(in_box & near_center)
        )
        is_foreground = ((in_box | near_center) & ~absent).any(-1, keepdim=True)
        cost = cost + _BACKGROUND_COST * ~is_foreground
        return cost.masked_fill(absent, torch.inf), ious

    def _location(self, boxes: Tensor, gt_boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Is a query's centre in the object's box, is it near its centre."""
        gt_boxes = gt_boxes[..., None, :, :]  # (B, 1, G, 4)
        offset = (boxes[..., :, None, :2] - gt_boxes[..., :2]).abs()  # (..., Q, G, 2)
        in_box = (offset < 0.5 * gt_boxes[..., 2:]).all(-1)
        return in_box, (offset < _CENTER_RADIUS).all(-1)

    def _dynamic_k_matching(self, cost: Tensor, ious: Tensor, valid: Tensor) -> Tensor:
        """Give each object its k cheapest queries; (..., Q, G) bool."""
        num_candidates = min(self.candidate_topk, cost.shape[-2])
        # IoUs sum to at most the number of candidates, so k is never above it
        num_wanted = ious.topk(num_candidates, dim=-2).values.sum(-2).int().clamp(min=1)
        num_wanted = num_wanted * valid  # (..., B, G)
        cheapest = cost.topk(num_candidates, dim=-2, largest=False).indices
        ranks = torch.arange(num_candidates, device=cost.device)
        matching = torch.zeros_like(cost, dtype=torch.bool)
        return matching.scatter(-2, cheapest, ranks[:, None] < num_wanted[..., None, :])

    @staticmethod
    def _leave_no_object_out(
        cost: Tensor, matching: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Leave each query to one object and each object with a query.

        A query that several objects claim goes to the one it is cheapest for. Objects
        left without a query take their cheapest, taken ones costing 1e5 more, round
        by round. As published, only the queries contested at first are settled again
        in these rounds: two late objects may come to share a query, which then counts
        for the first of them. The host waits for the device once a round; one round
        tells that all are served.

        Returns:
            The (..., Q, G) bool matching and the raised (..., Q, G) cost.
        """
        num_queries, num_gts = cost.shape[-2:]
        contested = matching.sum(-1, keepdim=True) > 1  # (..., Q, 1), as it is now
        settled = _one_hot(cost.argmin(-1), num_gts)
        matching = torch.where(contested, settled, matching)
        for _ in range(num_gts):  # each round serves an object while a query is free
            unserved = ~matching.any(-2) & valid  # (..., B, G)
            if not unserved.any():
                break
            is_open = unserved.any(-1)[..., None, None]  # images that are not done
            taken = matching.any(-1, keepdim=True) & is_open
            cost = cost + _USED_COST * taken
            picks = _one_hot(cost.argmin(-2), num_queries).transpose(-1, -2)
            matching = matching | (picks & unserved[..., None, :])
            shared = (matching.sum(-1) > 1).any(-1)[..., None, None]
            settled = _one_hot(cost.argmin(-1), num_gts)
            matching = torch.where(contested & shared & is_open, settled, matching)
        return matching, cost


def _one_hot(indices: Tensor, size: int) -> Tensor:
    """(..., N) indices to (..., N, size) bool."""
    return indices[..., None] == torch.arange(size, device=indices.device)
