"""From logits to scores, from normalised boxes to pixels: what all predictors share.

Shape legend: Q queries, L prompt embeddings, K names of a prompt, C channels, M mask
channels, n chosen queries, (Hs, Ws) = stride 8 and (Hm, Wm) = stride 4 of the network's
padded input.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor, nn

from uninext.utils.transfers import tensor_on

MASKS_AT_ONCE = 100  # dynamic convolutions run together


@dataclass
class RowOutputs:
    """What the network found for one prompt (or part of one) in one image.

    Attributes:
        logits: (Q, L).
        ious: (Q, 1) logits, or None without the IoU branch.
        boxes_cxcywh: (Q, 4) in 0..1 of the un-padded image.
        positive_map: (K, L) bool, tokens of each name.
        query: (Q, C) hidden states.
        centres_xy: (Q, 2) in 0..1; what masks are measured from.
        label_offset: Label of the first of the K names.
        pooled: Whether the prompt means one object, as expressions and targets do.
        mask_feat: (M, Hs, Ws), or None without masks.
        embeds: (Q, C) by which trackers know objects again, or None.
    """

    logits: Tensor
    ious: Tensor | None
    boxes_cxcywh: Tensor
    positive_map: Tensor
    query: Tensor
    centres_xy: Tensor
    label_offset: int = 0
    pooled: bool = False
    mask_feat: Tensor | None = None
    embeds: Tensor | None = None

    @property
    def boxes_xyxy(self) -> Tensor:
        """(Q, 4) in 0..1, not clipped."""
        return bbox_cxcywh_to_xyxy(self.boxes_cxcywh)

    def name_scores(self, with_iou: bool) -> Tensor:
        """(Q, K): how much each query is each name, in 0..1.

        The sigmoid of the mean logit of the name's tokens; with the IoU branch its
        geometric mean with the IoU score; 0 where a name has no token (method.md 5.1).
        """
        weights = self.positive_map.to(self.logits.dtype)
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1.0)
        scores = (self.logits[:, : weights.shape[1]] @ weights.T).sigmoid()
        scores = scores * self.positive_map.any(1)
        if with_iou and self.ious is not None:
            scores = (scores * self.ious.sigmoid()).sqrt()
        return scores

    def mask_logits(
        self, mask_head: nn.Module, queries: Tensor, size_hw: tuple[int, int]
    ) -> Tensor:
        """(n, Hm, Wm) of queries (n,), in an un-padded input of ``size_hw``."""
        centres = self.centres_xy * tensor_on(self.centres_xy.device, size_hw[::-1])
        parts = [
            mask_head(self.query[part], centres[part], self.mask_feat)
            for part in queries.split(MASKS_AT_ONCE)
        ]
        return torch.cat(parts)


def boxes_to_pixels(
    boxes_xyxy: Tensor, size_hw: tuple[int, int], clip: bool = True
) -> Tensor:
    """Scale boxes (n, 4) from 0..1 to pixels of a frame, and clip them to it."""
    height, width = size_hw
    scale = tensor_on(boxes_xyxy.device, [width, height] * 2).to(boxes_xyxy)
    pixels = boxes_xyxy * scale
    return torch.minimum(pixels.clamp(min=0), scale) if clip else pixels
