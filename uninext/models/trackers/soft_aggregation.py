"""Several targets of a frame, each with its own mask, share its pixels.

Shape legend: n targets, H, W the frame.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uninext.registry import MODELS


def share_pixels(probs: Tensor) -> Tensor:
    """Give every pixel to the most probable target, or to none.

    The background is as probable as that no target is there: the product of
    ``1 - probs``. It wins where it is equal.

    Args:
        probs: (n, H, W) in 0..1, one map a target.

    Returns:
        (n, H, W) bool, no pixel of two targets.
    """
    if not len(probs):
        return probs.bool()
    background = (1 - probs).prod(dim=0)
    best, index = probs.max(dim=0)
    index = index.masked_fill(best <= background, -1)
    return index == torch.arange(len(probs), device=probs.device)[:, None, None]


@MODELS.register_module()
class SoftAggregation:
    """Merge masks of several targets, without those that were not found.

    Args:
        blank_score_thr: A target with a lower score has no mask in this frame. 0.5 for
            YouTube-VOS, 0 for DAVIS, where every target is shown (method.md 5.4).
    """

    def __init__(self, blank_score_thr: float = 0.0) -> None:
        self.blank_score_thr = blank_score_thr

    def __call__(self, probs: Tensor, scores: Tensor) -> Tensor:
        """See :func:`share_pixels`; ``scores`` is (n,)."""
        blank = scores < self.blank_score_thr
        return share_pixels(probs.masked_fill(blank[:, None, None], 0.0))
