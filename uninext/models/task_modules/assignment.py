"""What an assigner says, and the class cost both assigners use.

Shape legend: Q queries, G objects, L prompt tokens, M matched pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ALPHA, _GAMMA = 0.25, 2.0  # of the focal loss, 1708.02002


@dataclass(frozen=True)
class PromptAssignment:
    """Which query shall predict which object, in one image.

    Attributes:
        query_inds: (M,) int64, ascending, each query at most once.
        gt_inds: (M,) int64, the object of each of these queries.
        best_query_inds: (G,) int64, the cheapest query of each object, -1 where an
            object has none (only where there are more objects than queries).
    """

    query_inds: Tensor
    gt_inds: Tensor
    best_query_inds: Tensor

    @classmethod
    def empty(cls, device: torch.device) -> PromptAssignment:
        """The assignment of an image without objects."""
        return cls(*torch.zeros(3, 0, dtype=torch.int64, device=device).unbind(0))

    def __len__(self) -> int:
        return len(self.query_inds)


def focal_class_cost(logits: Tensor) -> Tensor:
    """How much more it costs to call a token positive than negative.

    Paper: Focal Loss for Dense Object Detection, 1708.02002, as a cost (Deformable
    DETR); 1e-8 is added inside the logarithms. Float32; low where the logit is high.
    """
    prob = logits.float().sigmoid()
    positive = _ALPHA * (1 - prob) ** _GAMMA * -(prob + 1e-8).log()
    negative = (1 - _ALPHA) * prob**_GAMMA * -(1 - prob + 1e-8).log()
    return positive - negative


def mean_over_tokens(token_cost: Tensor, positive_maps: Tensor) -> Tensor:
    """Cost of a prediction for an object: the mean over the tokens of its name.

    Args:
        token_cost: (Q, L) float32.
        positive_maps: (G, L), non-zero at the tokens of each object's name.

    Returns:
        (Q, G); 0 for an object without a token.
    """
    tokens = positive_maps.float()
    return token_cost @ (tokens / tokens.sum(1, keepdim=True).clamp(min=1)).T
