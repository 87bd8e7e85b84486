"""Elementwise focal loss, division by a count, and zero, shared by the losses.

Called by the loss modules of this room; registers nothing.
"""

from __future__ import annotations

import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor


def sigmoid_focal_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Compute mmdet's binary focal loss of every element, in float32.

    Unlike mmdet's, bool targets are taken, and float16 logits of 5e4 stay finite.

    Args:
        logits: Any shape.
        targets: 0 or 1 (soft values allowed), float or bool, shape of ``logits``.

    Returns:
        float32, shape of ``logits``.
    """
    assert logits.shape == targets.shape, (logits.shape, targets.shape)
    logits, targets = logits.float(), targets.float()
    return py_sigmoid_focal_loss(logits, targets, reduction='none')


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
