"""Dice loss of masks, under mask supervision.

Shape legend: M matched queries, H x W the stride-4 mask.
"""

from __future__ import annotations

from mmdet.models.losses.dice_loss import dice_loss
from torch import Tensor, nn

from uninext.registry import MODELS

from .functional import divide_or_zero


@MODELS.register_module()
class MaskDiceLoss(nn.Module):
    """Dice loss of mask probabilities, with 1 added above and below the line.

    ``1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)``: mmdet's naive dice at eps 1.

    Args:
        loss_weight: Factor of the result.
    """

    def __init__(self, loss_weight: float = 5.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self, mask_logits: Tensor, targets: Tensor, avg_factor: float | Tensor
    ) -> Tensor:
        """Sum the dice loss over the masks and divide by the count.

        Args:
            mask_logits: (M, H, W).
            targets: (M, H, W) in 0..1, float or bool.
            avg_factor: Number of matched pairs. 0 gives a loss of 0.

        Returns:
            Scalar, float32.
        """
        assert mask_logits.shape == targets.shape, (mask_logits.shape, targets.shape)
        loss = dice_loss(
            mask_logits.float().sigmoid(),
            targets,
            eps=1.0,
            reduction='none',
            naive_dice=True,
        )  # (M,)
        return self.loss_weight * divide_or_zero(loss.sum(), avg_factor)
