"""Division by a count, and zero, shared by the losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def divide_or_zero(total: Tensor, avg_factor: float | Tensor) -> Tensor:
    """Divide a summed loss by a count; a count of 0 gives 0, still in the graph.

    Follows: published losses, which multiply by 0 where nothing is matched.
    """
    count = torch.as_tensor(avg_factor, dtype=total.dtype, device=total.device)
    return total * torch.where(count > 0, 1 / count.clamp(min=1e-12), 0.0)


def zero_with_gradient(*tensors: Tensor) -> Tensor:
    """Zero that depends on all tensors: each gets a gradient, of zeros.

    ``tensor.sum() * 0`` is NaN where the sum overflows or is infinite; here nothing is
    summed. A constant if there is no tensor.
    """
    nothing = (tensor[None][:0].sum() for tensor in tensors)
    return sum(nothing, torch.zeros(()))


def untouched(*modules: nn.Module) -> Tensor:
    """Zero with a gradient to all that learns: DDP waits for every such parameter."""
    learning = [p for m in modules for p in m.parameters() if p.requires_grad]
    return zero_with_gradient(*learning)
