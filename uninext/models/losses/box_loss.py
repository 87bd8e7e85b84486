"""Generalised IoU loss of normalised boxes.

Between the boxes of the matched queries and the loss dictionary.
"""

from __future__ import annotations

from torch import Tensor, nn

from uninext.models.task_modules.boxes import aligned_giou
from uninext.registry import MODELS

from .functional import divide_or_zero


@MODELS.register_module()
class NormalizedGIoULoss(nn.Module):
    """1 - GIoU, summed, per matched pair.

    Paper: Generalized Intersection over Union, 1902.09630. mmdet's ``GIoULoss`` takes
    the larger of area and eps; here eps is added to the area, as published: the
    loss of boxes with sides of 1 % of the image differs by about 4e-4.

    Args:
        loss_weight: Factor of the result.
    """

    def __init__(self, loss_weight: float = 2.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self, boxes_cxcywh: Tensor, targets_cxcywh: Tensor, avg_factor: float | Tensor
    ) -> Tensor:
        """Sum over the pairs and divide by the count.

        Args:
            boxes_cxcywh: (M, 4), normalised.
            targets_cxcywh: (M, 4), normalised.
            avg_factor: Number of matched pairs. 0 gives a loss of 0.

        Returns:
            Scalar, float32.
        """
        loss = (1 - aligned_giou(boxes_cxcywh, targets_cxcywh)).sum()
        return self.loss_weight * divide_or_zero(loss, avg_factor)
