"""Focal loss of yes-or-no logits: tokens of a prompt, pixels of a mask."""

from __future__ import annotations

from torch import Tensor, nn

from uninext.registry import MODELS

from .functional import divide_or_zero, sigmoid_focal_loss


@MODELS.register_module()
class BinaryFocalLoss(nn.Module):
    """Sigmoid focal loss, divided by the number of matched pairs.

    Shape legend: B batch, Q queries, L prompt tokens (1 when the prompt is pooled); M
    matched queries, H x W the stride-4 mask.

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

        Returns:
            Scalar, float32.
        """
        loss = sigmoid_focal_loss(logits, targets)
        if token_mask is not None:
            loss = loss.masked_fill(~token_mask.bool().unsqueeze(1), 0.0)
        if self.mean_pixels:
            loss = loss.mean((1, 2))
        return self.loss_weight * divide_or_zero(loss.sum(), avg_factor)
