"""What an assigner says, and the class cost both assigners use.

Shape legend: B images, Q queries, G largest number of objects of an image, L prompt
tokens; dots: decoder layers, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from typing_extensions import Self

_ALPHA, _GAMMA = 0.25, 2.0  # of the focal loss, 1708.02002


@dataclass(frozen=True)
class PromptAssignment:
    """Which query shall predict which object.

    Attributes:
        gt_inds: (..., B, Q) int64, the object of each query; -1: none.
        best_query_inds: (..., B, G) int64, the cheapest query of each object, -1 where
            an object has none (only where there are more objects than queries) or
            where an image has fewer than G.
    """

    gt_inds: Tensor
    best_query_inds: Tensor

    def __getitem__(self, index: Any) -> PromptAssignment:
        """The same index into both."""
        return PromptAssignment(self.gt_inds[index], self.best_query_inds[index])


@dataclass(frozen=True)
class PaddedObjects:
    """The objects of B images as tensors, as many in each.

    Attributes:
        boxes: (B, G, 4) float32, cxcywh in 0..1; 0 where an image has fewer than G.
        token_shares: (B, G, L) float32: 1 / n at the n tokens of the object's name.
        valid: (B, G) bool, True where an image has an object.
    """

    boxes: Tensor
    token_shares: Tensor
    valid: Tensor

    @classmethod
    def pad(cls, boxes: Sequence[Tensor], positive_maps: Sequence[Tensor]) -> Self:
        """Of images with (G_i, 4) boxes and (G_i, L) maps, non-zero at tokens."""
        valid = pad_objects([b.new_ones(len(b), dtype=torch.bool) for b in boxes])
        maps = pad_objects(positive_maps).float()
        counts = maps.sum(-1, keepdim=True).clamp(min=1)
        return cls(pad_objects(boxes).float(), maps / counts, valid)


def pad_objects(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors (G_i, ...) as one (B, G, ...), filled up with zeros."""
    return pad_sequence(list(tensors), batch_first=True)


def focal_class_cost(logits: Tensor) -> Tensor:
    """How much more it costs to call a token positive than negative.

    Paper: Focal Loss for Dense Object Detection, 1708.02002, as a cost (Deformable
    DETR); 1e-8 is added inside the logarithms. Float32; low where the logit is high.
    """
    prob = logits.float().sigmoid()
    positive = _ALPHA * (1 - prob) ** _GAMMA * -(prob + 1e-8).log()
    negative = (1 - _ALPHA) * prob**_GAMMA * -(1 - prob + 1e-8).log()
    return positive - negative


def mean_over_tokens(token_cost: Tensor, token_shares: Tensor) -> Tensor:
    """Cost of a prediction for an object: the mean over the tokens of its name.

    Args:
        token_cost: (..., Q, L) float32.
        token_shares: (..., G, L), of :class:`PaddedObjects`.

    Returns:
        (..., Q, G); 0 for an object without a token.
    """
    return token_cost @ token_shares.transpose(-1, -2)
