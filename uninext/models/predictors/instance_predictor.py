"""Choose what is reported of an image, and bring it to the image's own frame.

Shape legend: Q queries, L prompt embeddings, K names of a prompt, C channels,
n candidates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.ops import class_aware_nms
from uninext.registry import MODELS

MAX_MASK_PIXELS = 32_000_000  # full-resolution pixels held at once: 128 MB of float32


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

    def retrieve(
        self,
        logits: Tensor,
        ious: Tensor | None,
        boxes_cxcywh: Tensor,
        positive_map: Tensor,
        query: Tensor,
        centres_xy: Tensor,
        row: int,
        label_offset: int,
        limit: int,
    ) -> Candidates:
        """Candidates of one prompt, best first.

        The score of a name is the sigmoid of the mean logit of its tokens, times the
        IoU score, under a root; 0 where a name has no token. A query may be reported
        under several names (method.md 5.1).

        Args:
            logits: (Q, L).
            ious: (Q, 1) logits, or None.
            boxes_cxcywh: (Q, 4) in 0..1.
            positive_map: (K, L) bool, tokens of each name.
            query: (Q, C).
            centres_xy: (Q, 2) in 0..1.
            row: Row of this prompt in the batch.
            label_offset: Label of the prompt's first name.
            limit: Most candidates to return.
        """
        weights = positive_map.to(logits.dtype)
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1.0)
        scores = (logits[:, : weights.shape[1]] @ weights.T).sigmoid()  # (Q, K)
        scores = scores * positive_map.any(1)
        if self.with_iou and ious is not None:
            scores = (scores * ious.sigmoid()).sqrt()
        boxes_xyxy = bbox_cxcywh_to_xyxy(boxes_cxcywh)
        best, best_label = scores.max(1)
        kept = class_aware_nms(boxes_xyxy, best, best_label, self.nms_iou_threshold)
        flat = scores[kept].flatten()
        top_scores, top = flat.topk(min(limit, len(flat)))
        top = top[top_scores >= self.score_threshold]
        query_inds = kept[top // scores.shape[1]]
        return Candidates(
            boxes_xyxy=boxes_xyxy[query_inds],
            scores=flat[top],
            labels=top % scores.shape[1] + label_offset,
            query=query[query_inds],
            centres_xy=centres_xy[query_inds],
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
        height, width = out_size_hw
        scale = found.boxes_xyxy.new_tensor([width, height, width, height])
        boxes = (found.boxes_xyxy * scale).clamp(min=0)
        boxes = torch.minimum(boxes, scale)
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
        masks = torch.zeros(len(found), *out_size_hw, dtype=torch.bool)
        masks = masks.to(found.scores.device)
        scale_wh = found.centres_xy.new_tensor(img_size_hw[::-1])
        pixels = max(math.prod(img_size_hw), math.prod(out_size_hw))
        step = max(1, MAX_MASK_PIXELS // pixels)
        for row in found.rows.unique().tolist():
            for part in (found.rows == row).nonzero()[:, 0].split(step):
                logits = mask_head(
                    found.query[part], found.centres_xy[part] * scale_wh,
                    mask_feats[row],
                )  # fmt: skip
                masks[part] = self._resize(logits, img_size_hw, out_size_hw)
        return masks

    def _resize(
        self, logits: Tensor, img_size_hw: tuple[int, int], out_size_hw: tuple[int, int]
    ) -> Tensor:
        """Bilinear to the network's frame, threshold, crop, nearest to the output."""
        full = F.interpolate(logits[:, None], scale_factor=4, mode='bilinear')
        inside = full[..., : img_size_hw[0], : img_size_hw[1]] > self.mask_logit
        if tuple(img_size_hw) == tuple(out_size_hw):
            return inside[:, 0]
        return F.interpolate(inside.float(), size=tuple(out_size_hw))[:, 0].bool()
