"""Several targets of a frame, each with its own mask, become one map.

Shape legend: n targets, H, W the frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from uninext.registry import MODELS


def soft_aggregate(probs: Tensor, ids: Sequence[int] | Tensor) -> Tensor:
    """Give every pixel to the most probable target, or to none.

    The background is as probable as that no target is there: the product of
    ``1 - probs``. It wins where it is equal.

    Args:
        probs: (n, H, W) in 0..1, one map a target.
        ids: n different numbers above 0.

    Returns:
        (H, W) int64: the id of each pixel, 0 where there is no target.

    Raises:
        ValueError: If ids are not n different numbers above 0.
    """
    values = [int(value) for value in ids]
    distinct = len(set(values)) == len(values) == len(probs)
    if not distinct or min(values, default=1) < 1:
        raise ValueError(
            f'{len(probs)} probability maps need as many different ids above 0 (0 is '
            f'the background), got {values}.'
        )
    if not values:
        return torch.zeros(probs.shape[-2:], dtype=torch.int64, device=probs.device)
    background = (1 - probs).prod(dim=0)
    best, index = probs.max(dim=0)
    chosen = torch.tensor(values, device=probs.device)[index]
    return chosen.masked_fill(best <= background, 0)


@MODELS.register_module()
class SoftAggregation:
    """Merge masks of several targets, without those that were not found.

    Args:
        blank_score_thr: A target with a lower score has no mask in this frame. 0.5 for
            YouTube-VOS, 0 for DAVIS, where every target is shown (method.md 5.4).
    """

    def __init__(self, blank_score_thr: float = 0.0) -> None:
        self.blank_score_thr = blank_score_thr

    def __call__(
        self, probs: Tensor, scores: Tensor, ids: Sequence[int] | Tensor
    ) -> Tensor:
        """See :func:`soft_aggregate`.

        Args:
            probs: (n, H, W) in 0..1.
            scores: (n,).
            ids: n different numbers above 0.
        """
        blank = scores < self.blank_score_thr
        return soft_aggregate(probs.masked_fill(blank[:, None, None], 0.0), ids)
