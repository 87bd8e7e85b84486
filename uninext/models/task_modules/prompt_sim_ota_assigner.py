"""One-to-many assignment of decoder queries to the prompted objects of an image.

Between a decoder layer's predictions and its losses; one call an image and a layer.

Shape legend: Q queries, G objects, L prompt tokens, M matched pairs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uninext.registry import TASK_UTILS

from .assignment import PromptAssignment, focal_class_cost, mean_over_tokens
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
        gt_boxes_cxcywh: Tensor,
        gt_positive_maps: Tensor,
    ) -> PromptAssignment:
        """Match the queries of one image.

        Args:
            logits: (Q, L) retrieval logits.
            boxes_cxcywh: (Q, 4) predicted boxes, normalised.
            gt_boxes_cxcywh: (G, 4), normalised.
            gt_positive_maps: (G, L) bool, True at the tokens of the object's name.

        Returns:
            The pairs, ascending by query.
        """
        assert gt_positive_maps.shape == (len(gt_boxes_cxcywh), logits.shape[1])
        if not len(gt_boxes_cxcywh):
            return PromptAssignment.empty(logits.device)
        with torch.autocast(logits.device.type, enabled=False):
            cost, ious = self._costs(
                logits, boxes_cxcywh, gt_boxes_cxcywh, gt_positive_maps
            )
            matching = self._dynamic_k_matching(cost, ious)
            matching, cost = self._leave_no_object_out(cost, matching)
        return self._to_assignment(cost, matching)

    def _costs(
        self, logits: Tensor, boxes: Tensor, gt_boxes: Tensor, positive_maps: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cost and IoU of each query with each object, both (Q, G)."""
        token_cost = focal_class_cost(logits)
        ious, gious = pairwise_iou_giou(boxes, gt_boxes)
        in_box, near_center = self._location(boxes.float(), gt_boxes.float())
        cost = (
            mean_over_tokens(token_cost, positive_maps)
            - _GIOU_WEIGHT * gious
            + _OFF_CENTER_COST * ~(in_box & near_center)
        )
        is_foreground = (in_box | near_center).any(1, keepdim=True)  # (Q, 1)
        return cost + _BACKGROUND_COST * ~is_foreground, ious

    def _location(self, boxes: Tensor, gt_boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Is a query's centre in the object's box, is it near its centre; (Q, G)."""
        offset = (boxes[:, None, :2] - gt_boxes[None, :, :2]).abs()  # (Q, G, 2)
        in_box = (offset < 0.5 * gt_boxes[:, 2:]).all(-1)
        return in_box, (offset < _CENTER_RADIUS).all(-1)

    def _dynamic_k_matching(self, cost: Tensor, ious: Tensor) -> Tensor:
        """Give each object its k cheapest queries; (Q, G) bool."""
        num_candidates = min(self.candidate_topk, len(cost))
        # IoUs sum to at most the number of candidates, so k is never above it
        num_wanted = ious.topk(num_candidates, dim=0).values.sum(0).int().clamp(min=1)
        cheapest = cost.topk(num_candidates, dim=0, largest=False).indices
        ranks = torch.arange(num_candidates, device=cost.device)
        matching = torch.zeros_like(cost, dtype=torch.bool)
        return matching.scatter(0, cheapest, ranks[:, None] < num_wanted)

    @staticmethod
    def _leave_no_object_out(cost: Tensor, matching: Tensor) -> tuple[Tensor, Tensor]:
        """Leave each query to one object and each object with a query.

        A query that several objects claim goes to the one it is cheapest for. Objects
        left without a query take their cheapest, taken ones costing 1e5 more, round
        by round. As published, only the queries contested at first are settled again
        in these rounds: two late objects may come to share a query, which then counts
        for the first of them.

        Returns:
            The (Q, G) bool matching and the raised (Q, G) cost.
        """
        num_gts = cost.shape[1]
        contested = matching.sum(1, keepdim=True) > 1  # (Q, 1), as it is now
        matching = torch.where(contested, _one_hot(cost.argmin(1), num_gts), matching)
        for _ in range(num_gts):  # each round serves an object while a query is free
            unserved = ~matching.any(0)  # (G,)
            if not unserved.any():
                break
            cost = cost + _USED_COST * matching.any(1, keepdim=True)
            picks = _one_hot(cost.argmin(0), len(cost)).T  # (Q, G)
            matching = matching | (picks & unserved)
            settle = contested & (matching.sum(1) > 1).any()
            matching = torch.where(settle, _one_hot(cost.argmin(1), num_gts), matching)
        return matching, cost

    @staticmethod
    def _to_assignment(cost: Tensor, matching: Tensor) -> PromptAssignment:
        query_inds = matching.any(1).nonzero().squeeze(1)  # (M,)
        first = matching[query_inds].int().cumsum(1).eq(0).sum(1)  # first True of a row
        best = cost.masked_fill(~matching, torch.inf).argmin(0)  # (G,)
        return PromptAssignment(
            query_inds, first, best.masked_fill(~matching.any(0), -1)
        )


def _one_hot(indices: Tensor, size: int) -> Tensor:
    """(N,) indices to (N, size) bool."""
    return indices[:, None] == torch.arange(size, device=indices.device)
