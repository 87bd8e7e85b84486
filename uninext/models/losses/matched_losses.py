"""Losses of matched queries: tokens, boxes and masks; the heads sum and divide them.

Shape legend: B batch, Q queries, L prompt tokens (1 when the prompt is pooled), M
matched queries, H x W the stride-4 mask; dots: decoder layers, or nothing.
"""

from __future__ import annotations

from mmdet.models.losses.dice_loss import dice_loss
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor, nn

from uninext.models.task_modules.iou import aligned_giou
from uninext.registry import MODELS


@MODELS.register_module()
class BinaryFocalLoss(nn.Module):
    """mmdet's sigmoid focal loss in float32, of each image or of each mask.

    Unlike mmdet's, bool targets are taken, and float16 logits of 5e4 stay finite.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    2303.06674 (retrieval and mask loss); focal loss: 1708.02002, Eq. 5, with its
    alpha of 0.25 and gamma of 2.

    Args:
        mean_pixels: Average over the pixels of a mask (M, H, W). False: sum over the
            elements, as for the tokens of an image (..., B, Q, L).
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
        token_mask: Tensor | None = None,
    ) -> Tensor:
        """Reduce the focal loss over the last two dimensions.

        Args:
            logits: (..., B, Q, L) or (M, H, W).
            targets: Like ``logits``, float in 0..1 or bool: 1 at the tokens of the
                matched object's name, or at the pixels of its mask.
            token_mask: (B, L), True where a token is real; None: all are.

        Returns:
            (..., B) or (M,).
        """
        assert logits.shape == targets.shape, (logits.shape, targets.shape)
        loss = py_sigmoid_focal_loss(logits.float(), targets.float(), reduction='none')
        if token_mask is not None:
            loss = loss.masked_fill(~token_mask.bool().unsqueeze(1), 0.0)
        loss = loss.mean((-2, -1)) if self.mean_pixels else loss.sum((-2, -1))
        return self.loss_weight * loss


@MODELS.register_module()
class MaskDiceLoss(nn.Module):
    """Dice loss of mask probabilities, with 1 added above and below the line.

    ``1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)``: mmdet's naive dice at eps 1.
    """

    def __init__(self, loss_weight: float = 5.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, mask_logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of each mask (M,); logits and targets are (M, H, W)."""
        assert mask_logits.shape == targets.shape, (mask_logits.shape, targets.shape)
        probs = mask_logits.float().sigmoid()
        loss = dice_loss(probs, targets, eps=1.0, reduction='none', naive_dice=True)
        return self.loss_weight * loss


@MODELS.register_module()
class NormalizedGIoULoss(nn.Module):
    """1 - GIoU of normalised boxes.

    Paper: Generalized Intersection over Union, 1902.09630. mmdet's ``GIoULoss`` takes
    the larger of area and eps; here eps is added to the area, as published: the
    loss of boxes with sides of 1 % of the image differs by about 4e-4.
    """

    def __init__(self, loss_weight: float = 2.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, boxes_cxcywh: Tensor, targets_cxcywh: Tensor) -> Tensor:
        """The loss of each pair of boxes (M,); both are (M, 4)."""
        return self.loss_weight * (1 - aligned_giou(boxes_cxcywh, targets_cxcywh))
