"""Losses of matched queries: tokens, boxes and masks, divided by a count.

Shape legend: B batch, Q queries, L prompt tokens (1 when the prompt is pooled), M
matched queries, H x W the stride-4 mask.
"""

from __future__ import annotations

from mmdet.models.losses.dice_loss import dice_loss
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor, nn

from uninext.models.task_modules.iou import aligned_giou
from uninext.registry import MODELS

from .functional import divide_or_zero


@MODELS.register_module()
class BinaryFocalLoss(nn.Module):
    """mmdet's sigmoid focal loss in float32, divided by the number of matched pairs.

    Unlike mmdet's, bool targets are taken, and float16 logits of 5e4 stay finite.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    2303.06674 (retrieval and mask loss); focal loss: 1708.02002, Eq. 5, with its
    alpha of 0.25 and gamma of 2.

    Args:
        mean_pixels: Average over the pixels of a mask (M, H, W) and sum over the masks.
            False: sum over all elements, as for tokens (B, Q, L).
        loss_weight: Factor of the result.
    """

    def __init__(self, mean_pixels: bool = False, loss_weight: float = 2.0) -> None:
        super().__init__()
        self.mean_pixels = mean_pixels
        self.loss_weight = loss_weight

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        avg_factor: float | Tensor,
        token_mask: Tensor | None = None,
    ) -> Tensor:
        """Reduce the focal loss of every element and divide by the count.

        Args:
            logits: (B, Q, L) or (M, H, W).
            targets: Like ``logits``, float in 0..1 or bool: 1 at the tokens of the
                matched object's name, or at the pixels of its mask.
            avg_factor: Number of matched pairs. 0 gives a loss of 0.
            token_mask: (B, L), True where a token is real; None: all are.
        """
        assert logits.shape == targets.shape, (logits.shape, targets.shape)
        loss = py_sigmoid_focal_loss(logits.float(), targets.float(), reduction='none')
        if token_mask is not None:
            loss = loss.masked_fill(~token_mask.bool().unsqueeze(1), 0.0)
        if self.mean_pixels:
            loss = loss.mean((1, 2))
        return self.loss_weight * divide_or_zero(loss.sum(), avg_factor)


@MODELS.register_module()
class MaskDiceLoss(nn.Module):
    """Dice loss of mask probabilities, with 1 added above and below the line.

    ``1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)``: mmdet's naive dice at eps 1.
    """

    def __init__(self, loss_weight: float = 5.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self, mask_logits: Tensor, targets: Tensor, avg_factor: float | Tensor
    ) -> Tensor:
        """Sum over the masks, logits and targets (M, H, W), and divide by the count."""
        assert mask_logits.shape == targets.shape, (mask_logits.shape, targets.shape)
        probs = mask_logits.float().sigmoid()
        loss = dice_loss(probs, targets, eps=1.0, reduction='none', naive_dice=True)
        return self.loss_weight * divide_or_zero(loss.sum(), avg_factor)


@MODELS.register_module()
class NormalizedGIoULoss(nn.Module):
    """1 - GIoU of normalised boxes, summed, per matched pair.

    Paper: Generalized Intersection over Union, 1902.09630. mmdet's ``GIoULoss`` takes
    the larger of area and eps; here eps is added to the area, as published: the
    loss of boxes with sides of 1 % of the image differs by about 4e-4.
    """

    def __init__(self, loss_weight: float = 2.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self, boxes_cxcywh: Tensor, targets_cxcywh: Tensor, avg_factor: float | Tensor
    ) -> Tensor:
        """Sum over the pairs of boxes, (M, 4) each, and divide by the count."""
        loss = (1 - aligned_giou(boxes_cxcywh, targets_cxcywh)).sum()
        return self.loss_weight * divide_or_zero(loss, avg_factor)
