"""Choose what is reported of an image, and bring it to the image's own frame.

Shape legend: C channels, n candidates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.ops import class_aware_nms
from uninext.models.predictors.mask_resizing import binary_masks
from uninext.models.predictors.scoring import RowOutputs, boxes_to_pixels
from uninext.registry import MODELS

MASKS_AT_ONCE = 100  # dynamic convolutions run together


@dataclass
class Candidates:
    """Queries of one image that may be reported.

    Attributes:
        boxes_xyxy: (n, 4) in 0..1 of the un-padded image, not clipped.
        scores: (n,) in 0..1.
        labels: (n,) int64, index of the name.
        query: (n, C) hidden states.
        centres_xy: (n, 2) in 0..1; what their masks are measured from.
        rows: (n,) int64, which prompt (row of the batch) each comes from.
    """

    boxes_xyxy: Tensor
    scores: Tensor
    labels: Tensor
    query: Tensor
    centres_xy: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: Tensor) -> Candidates:
        return Candidates(*(getattr(self, f.name)[index] for f in fields(self)))

    @classmethod
    def cat(cls, parts: Sequence[Candidates]) -> Candidates:
        """Join candidates of several prompts of one image."""
        return cls(
            *(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls))
        )


@MODELS.register_module()
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
        if not 0.0 < mask_threshold < 1.0:
            raise ValueError(f'mask_threshold must lie in (0, 1), got {mask_threshold}')
        self.with_iou = with_iou
        self.nms_iou_threshold = nms_iou_threshold
        self.max_per_img = max_per_img
        self.max_per_expression = max_per_expression
        self.score_threshold = score_threshold
        self.mask_logit = math.log(mask_threshold / (1 - mask_threshold))
        self.with_masks = with_masks

    def limit(self, pooled: bool) -> int:
        """How many instances an image's prompt may return."""
        return self.max_per_expression if pooled else self.max_per_img

    def retrieve(self, found: RowOutputs, row: int, limit: int) -> Candidates:
        """Candidates of one prompt, best first.

        A query may be reported under several names (method.md 5.1).

        Args:
            found: Of this prompt.
            row: Row of this prompt in the batch.
            limit: Most candidates to return.
        """
        scores, boxes_xyxy = found.name_scores(self.with_iou), found.boxes_xyxy
        best, best_label = scores.max(1)
        kept = class_aware_nms(boxes_xyxy, best, best_label, self.nms_iou_threshold)
        flat = scores[kept].flatten()
        top_scores, top = flat.topk(min(limit, len(flat)))
        top = top[top_scores >= self.score_threshold]
        query_inds = kept[top // scores.shape[1]]
        return Candidates(
            boxes_xyxy=boxes_xyxy[query_inds],
            scores=flat[top],
            labels=top % scores.shape[1] + found.label_offset,
            query=found.query[query_inds],
            centres_xy=found.centres_xy[query_inds],
            rows=torch.full_like(query_inds, row),
        )

    def finish(
        self,
        parts: Sequence[Candidates],
        limit: int,
        mask_head: torch.nn.Module | None,
        mask_feats: dict[int, Tensor],
        img_size_hw: tuple[int, int],
        out_size_hw: tuple[int, int],
    ) -> InstanceData:
        """Merge the prompts of an image and report in the wanted frame.

        Args:
            parts: Candidates of each prompt of the image.
            limit: Most instances to report.
            mask_head: Makes masks of queries; None for boxes only.
            mask_feats: Row -> (K, Hs, Ws) mask features.
            img_size_hw: Un-padded (height, width) of the network's input.
            out_size_hw: (height, width) of the frame to report in.

        Returns:
            InstanceData: ``bboxes`` (n, 4) xyxy pixels, clipped; ``scores``;
            ``labels``; ``masks`` (n, height, width) bool if masks are wanted.
        """
        found = Candidates.cat(parts)
        found = found[found.scores.argsort(descending=True, stable=True)[:limit]]
        boxes = boxes_to_pixels(found.boxes_xyxy, out_size_hw)
        solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        found, boxes = found[solid], boxes[solid]
        results = InstanceData(bboxes=boxes, scores=found.scores, labels=found.labels)
        if mask_head is not None and self.with_masks:
            results.masks = self._masks(
                found, mask_head, mask_feats, img_size_hw, out_size_hw
            )
        return results

    def _masks(
        self,
        found: Candidates,
        mask_head: torch.nn.Module,
        mask_feats: dict[int, Tensor],
        img_size_hw: tuple[int, int],
        out_size_hw: tuple[int, int],
    ) -> Tensor:
        """(n, height, width) bool masks of the candidates, a few at a time."""
        masks = found.scores.new_zeros((len(found), *out_size_hw), dtype=torch.bool)
        scale_wh = found.centres_xy.new_tensor(img_size_hw[::-1])
        for row in found.rows.unique().tolist():
            for part in (found.rows == row).nonzero()[:, 0].split(MASKS_AT_ONCE):
                logits = mask_head(
                    found.query[part], found.centres_xy[part] * scale_wh,
                    mask_feats[row],
                )  # fmt: skip
                masks[part] = binary_masks(
                    logits, img_size_hw, out_size_hw, self.mask_logit
                )
        return masks
