"""Elementwise focal loss, division by a count, and zero, shared by the losses.

Called by the loss modules of this room; registers nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sigmoid_focal_loss(
    logits: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Compute the binary focal loss of every element, without reduction.

    Computed in float32 from logits, hence finite for logits up to +-5e4.

    Paper: Focal Loss for Dense Object Detection, 1708.02002, Eq. 5.

    Args:
        logits: Any shape.
        targets: 0 or 1 (soft values allowed), float or bool, shape of ``logits``.
        alpha: Weight of the positives; negatives get ``1 - alpha``.
        gamma: Exponent that quiets the easy elements.

    Returns:
        float32, shape of ``logits``.
    """
    assert logits.shape == targets.shape, (logits.shape, targets.shape)
    logits, targets = logits.float(), targets.float()
    prob = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(
        logits, targets, reduction='none'
    )
    miss = prob * (1 - targets) + (1 - prob) * targets  # 1 - p_t
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    return balance * miss**gamma * cross_entropy


def divide_or_zero(total: Tensor, avg_factor: float | Tensor) -> Tensor:
    """Divide a summed loss by a count; a count of 0 gives 0, still in the graph.

    Follows: published losses, which multiply by 0 where nothing is matched.

    Args:
        total: Scalar.
        avg_factor: Number of matched pairs, not negative.

    Returns:
        Scalar.
    """
    count = torch.as_tensor(avg_factor, dtype=total.dtype, device=total.device)
    return total * torch.where(count > 0, 1 / count.clamp(min=1e-12), 0.0)


def zero_with_gradient(*tensors: Tensor) -> Tensor:
    """Zero that depends on all tensors: each gets a gradient, of zeros.

    ``tensor.sum() * 0`` is NaN where the sum overflows or is infinite; here nothing is
    summed.

    Args:
        tensors: Of any shape, also of none.

    Returns:
        Scalar; a constant if there is no tensor.
    """
    nothing = (tensor[None][:0].sum() for tensor in tensors)
    return sum(nothing, torch.zeros(()))
