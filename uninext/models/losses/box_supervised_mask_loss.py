"""Mask losses where only boxes are known: projection and pairwise affinity.

Between the mask logits of the matched queries and the loss dictionary, in stage 1.

Shape legend: M matched queries, H x W the stride-4 mask, 8 neighbours of a pixel (order
in ``color_similarity``).
Paper: BoxInst: High-Performance Instance Segmentation with Box Annotations, 2012.02310.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmdet.models.losses.dice_loss import dice_loss
from torch import Tensor, nn

from uninext.registry import MODELS
from uninext.utils.transfers import upload

from .color_similarity import NEIGHBOUR_STEPS


def fill_boxes(boxes_xyxy: Tensor, size_hw: tuple[int, int], stride: int = 4) -> Tensor:
    """Draw filled boxes as masks, seen at every ``stride``-th pixel.

    Pixels ``int(x1) <= x < int(x2 + 1)`` (y alike) of the full-size mask are 1; of it
    the pixels ``[stride // 2::stride]`` are returned.

    Args:
        boxes_xyxy: (G, 4), absolute pixels of the padded image.
        size_hw: Height and width of the padded image.
        stride: Step between the pixels that are kept.

    Returns:
        (G, H / stride, W / stride) float32 of 0 and 1.
    """
    height, width = size_hw
    device = boxes_xyxy.device
    ys = torch.arange(stride // 2, height, stride, device=device)
    xs = torch.arange(stride // 2, width, stride, device=device)
    left, top = boxes_xyxy[:, :2].float().trunc().clamp(min=0).unbind(1)  # (G,)
    right, bottom = (boxes_xyxy[:, 2:].float() + 1).trunc().unbind(1)
    in_rows = (ys >= top[:, None]) & (ys < bottom[:, None])  # (G, h)
    in_columns = (xs >= left[:, None]) & (xs < right[:, None])  # (G, w)
    return (in_rows[:, :, None] & in_columns[:, None, :]).float()


@MODELS.register_module()
class BoxProjectionLoss(nn.Module):
    """The mask must be as wide and as high as the box: dice of its max-projections.

    Section 3.2 of the paper; squared denominators, 1e-5 below the line.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, mask_logits: Tensor, box_masks: Tensor) -> Tensor:
        """Average over the instances, logits and boxes (M, H, W); 0 if M is 0."""
        assert mask_logits.shape == box_masks.shape, (
            mask_logits.shape,
            box_masks.shape,
        )
        scores, box_masks = mask_logits.float().sigmoid(), box_masks.float()
        loss = sum(
            dice_loss(
                scores.max(dim).values,
                box_masks.max(dim).values,
                eps=0.5e-5,  # mmdet adds it to both terms of the denominator
                reduction='none',
            )
            for dim in (1, 2)
        )  # (M,)
        return self.loss_weight * loss.sum() / max(len(loss), 1)


@MODELS.register_module()
class PairwiseAffinityLoss(nn.Module):
    """Neighbours of like colour inside the box should get the same label.

    Eq. 8 of the paper: the mean of ``-log P(both in or both out)`` over the edges
    whose colour similarity reaches ``color_threshold``. The caller multiplies by the
    warm-up factor.
    """

    def __init__(
        self,
        color_threshold: float = 0.3,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.color_threshold = color_threshold
        self.loss_weight = loss_weight

    def forward(
        self,
        mask_logits: Tensor,
        color_similarity: Tensor,
        box_masks: Tensor,
        image_inds: Tensor,
    ) -> Tensor:
        """Average the loss over the edges that count; 0 if none does.

        Only pixels in boxes are looked at, which cover little of the map. An edge that
        leaves the map counts, with loss 0, as published.

        Args:
            mask_logits: (M, H, W).
            color_similarity: (B, 8, H, W) of the images.
            box_masks: (M, H, W), non-zero inside the matched object's box.
            image_inds: (M,) int64, the image of each instance.
        """
        height, width = mask_logits.shape[1:]
        assert color_similarity.shape[1:] == (8, height, width), color_similarity.shape
        rows, ys, xs = box_masks.nonzero(as_tuple=True)  # (P,)
        alike = color_similarity[image_inds[rows], :, ys, xs] >= self.color_threshold
        steps_y, steps_x = upload(NEIGHBOUR_STEPS, ys.device)  # (8,)
        near_ys, near_xs = ys[:, None] + steps_y, xs[:, None] + steps_x  # (P, 8)
        on_map = (near_ys >= 0) & (near_ys < height)
        on_map &= (near_xs >= 0) & (near_xs < width)
        flat, starts = mask_logits.flatten(), rows * height * width
        pixels = flat.index_select(0, starts + ys * width + xs).float()
        near = starts[:, None] + near_ys * width + near_xs
        near = near.where(on_map, 0).flatten()
        neighbours = flat.index_select(0, near).float().view(-1, 8)
        log_same = _log_same_label(pixels[:, None], neighbours) * (alike & on_map)
        return -self.loss_weight * log_same.sum() / alike.sum().clamp(min=1)


def _log_same_label(logits: Tensor, other_logits: Tensor) -> Tensor:
    """log(p_i p_j + (1 - p_i)(1 - p_j))."""
    return torch.logaddexp(
        F.logsigmoid(logits) + F.logsigmoid(other_logits),
        F.logsigmoid(-logits) + F.logsigmoid(-other_logits),
    )
