"""Choose what is reported of an image, and bring it to the image's own frame.

Shape legend: n candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.ops import class_aware_nms
from uninext.models.predictors.mask_resizing import binary_masks, mask_logit
from uninext.models.predictors.row_outputs import RowOutputs, boxes_to_pixels
from uninext.utils.transfers import download, upload


class Candidates(NamedTuple):
    """Queries of one row that may be reported, best first, in main memory.

    Attributes:
        found: The row they come from, on the network's device.
        queries: (n,) int64, their places in it.
        scores: (n,) in 0..1.
        labels: (n,) int64, index of the name in the whole prompt.
        boxes_xyxy: (n, 4) in 0..1 of the un-padded image, not clipped.
    """

    found: RowOutputs
    queries: Tensor
    scores: Tensor
    labels: Tensor
    boxes_xyxy: Tensor


class InstancePredictor:
    """Score, suppress duplicates, keep the best, and resize masks.

    Args:
        with_iou: Multiply scores with the IoU branch (geometric mean).
        nms_iou_threshold: Class-aware suppression on each query's best name.
        max_per_img: Instances kept of prompts that list names.
        max_per_expression: Instances kept of pooled prompts.
        score_threshold: Instances below are dropped.
        mask_threshold: Probability above which a pixel belongs to the instance.
        with_masks: Predict masks.
    """

    def __init__(
        self,
        with_iou: bool = True,
        nms_iou_threshold: float = 0.7,
        max_per_img: int = 100,
        max_per_expression: int = 1,
        score_threshold: float = 0.0,
        mask_threshold: float = 0.5,
        with_masks: bool = True,
    ) -> None:
        self.with_iou = with_iou
        self.nms_iou_threshold = nms_iou_threshold
        self.max_per_img = max_per_img
        self.max_per_expression = max_per_expression
        self.score_threshold = score_threshold
        self.mask_logit = mask_logit(mask_threshold)
        self.with_masks = with_masks

    def select(
        self,
        found: RowOutputs,
        score_thr: float = 0.0,
        max_objects: int | None = None,
    ) -> Candidates:
        """Candidates of one prompt, or of a part of it.

        A query may be reported under several names (method.md 5.1).

        Args:
            found: Of this prompt.
            score_thr: Candidates of lists of names below are dropped, as those below
                ``score_threshold`` are.
            max_objects: Candidates kept of lists of names, if fewer than
                ``max_per_img``.
        """
        scores = found.name_scores(self.with_iou)
        best, best_label = scores.max(1)
        boxes = found.boxes_xyxy
        kept = class_aware_nms(boxes, best, best_label, self.nms_iou_threshold)
        flat = scores[kept].flatten()
        top_scores, top = flat.topk(min(self._limit(found, max_objects), len(flat)))
        queries = kept[top // scores.shape[1]]
        queries, top_scores, labels, boxes = download(
            [queries, top_scores, top % scores.shape[1], boxes[queries]]
        )
        least = self.score_threshold
        enough = top_scores >= (least if found.pooled else max(least, score_thr))
        return Candidates(
            found=found,
            queries=queries[enough].long(),
            scores=top_scores[enough],
            labels=labels[enough].long() + found.label_offset,
            boxes_xyxy=boxes[enough],
        )

    def report(
        self,
        parts: Sequence[Candidates],
        mask_head: nn.Module | None,
        img_size_hw: tuple[int, int],
        out_size_hw: tuple[int, int],
        max_objects: int | None = None,
    ) -> InstanceData:
        """Merge the parts of a prompt and report in the wanted frame.

        Args:
            parts: Candidates of each part of the prompt.
            mask_head: Makes masks of queries; None for boxes only.
            img_size_hw: Un-padded (height, width) of the network's input.
            out_size_hw: (height, width) of the frame to report in.
            max_objects: As of :meth:`select`.

        Returns:
            InstanceData: ``bboxes`` (n, 4) xyxy pixels, clipped; ``scores``;
            ``labels``; ``masks`` (n, height, width) bool if masks are wanted.
        """
        limit = self._limit(parts[0].found, max_objects)
        scores = torch.cat([part.scores for part in parts])
        order = scores.argsort(descending=True, stable=True)[:limit]
        boxes = torch.cat([part.boxes_xyxy for part in parts])[order]
        boxes = boxes_to_pixels(boxes, out_size_hw)
        solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        order, device = order[solid], parts[0].found.logits.device
        results = InstanceData(
            bboxes=upload(boxes[solid], device),
            scores=upload(scores[order], device),
            labels=upload(torch.cat([part.labels for part in parts])[order], device),
        )
        if mask_head is None or not self.with_masks:
            return results
        size = (len(order), *out_size_hw)
        masks = torch.zeros(size, dtype=torch.bool, device=device)
        queries = torch.cat([part.queries for part in parts])[order]
        sizes = torch.tensor([len(part.queries) for part in parts])
        row_of = torch.arange(len(parts)).repeat_interleave(sizes)[order]
        for row in row_of.unique().tolist():
            mine = (row_of == row).nonzero()[:, 0]
            logits = parts[row].found.mask_logits(
                mask_head, upload(queries[mine], device), img_size_hw
            )
            masks[upload(mine, device)] = binary_masks(
                logits, img_size_hw, out_size_hw, self.mask_logit
            )
        results.masks = masks
        return results

    def _limit(self, found: RowOutputs, max_objects: int | None) -> int:
        """How many instances a prompt may return."""
        if found.pooled:
            return self.max_per_expression
        return min(self.max_per_img, max_objects or self.max_per_img)
