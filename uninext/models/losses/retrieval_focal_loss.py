"""Focal loss of the retrieval head: which tokens of the prompt does a query match.

Between the retrieval logits of the heads and the loss dictionary.

Shape legend: B batch, Q queries, L prompt tokens (1 when the prompt is pooled).
"""

from __future__ import annotations

from torch import Tensor, nn

from uninext.registry import MODELS

from .functional import divide_or_zero, sigmoid_focal_loss


@MODELS.register_module()
class RetrievalFocalLoss(nn.Module):
    """Sigmoid focal loss over the real tokens of a prompt, summed, per matched pair.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    2303.06674 (the retrieval loss).

    Args:
        alpha: Weight of the positives.
        gamma: Focusing exponent.
        loss_weight: Factor of the result.
    """

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.gamma = gamma
        self.loss_weight = loss_weight

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        token_mask: Tensor | None,
        avg_factor: float | Tensor,
    ) -> Tensor:
        """Sum the focal loss over all queries and real tokens.

        Args:
            logits: (B, Q, L).
            targets: (B, Q, L) float or bool, 1 at the tokens of the matched object's
                name, 0 elsewhere.
            token_mask: (B, L), True where a token is real; None: all are.
            avg_factor: Number of matched pairs. 0 gives a loss of 0.

        Returns:
            Scalar, float32.
        """
        loss = sigmoid_focal_loss(logits, targets, self.alpha, self.gamma)
        if token_mask is not None:
            loss = loss.masked_fill(~token_mask.bool().unsqueeze(1), 0.0)
        return self.loss_weight * divide_or_zero(loss.sum(), avg_factor)
