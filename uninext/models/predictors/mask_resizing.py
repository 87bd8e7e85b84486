"""Mask logits of the network become masks of the frame.

Shape legend: n masks, (Hm, Wm) = stride 4 of the padded input, (h, w) the un-padded
input, (H, W) the frame to report in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from uninext.models.heads.mask_head import MASK_STRIDE

MAX_MASK_PIXELS = 32_000_000  # full-resolution pixels held at once: 128 MB of float32


def mask_logit(mask_threshold: float) -> float:
    """The logit of a probability above which a pixel belongs to an instance.

    Raises:
        ValueError: If the probability is not in (0, 1).
    """
    if not 0.0 < mask_threshold < 1.0:
        raise ValueError(f'mask_threshold must lie in (0, 1), got {mask_threshold}')
    return math.log(mask_threshold / (1 - mask_threshold))


def binary_masks(
    logits: Tensor,
    size_hw: Sequence[int],
    out_size_hw: Sequence[int],
    threshold: float = 0.0,
) -> Tensor:
    """Threshold in the network's frame, then nearest neighbour (method.md 5.1).

    Args:
        logits: (n, Hm, Wm).
        size_hw: (h, w).
        out_size_hw: (H, W).
        threshold: Logit above which a pixel belongs to the mask.

    Returns:
        (n, H, W) bool.
    """
    masks = logits.new_zeros((len(logits), *out_size_hw), dtype=torch.bool)
    for part in _chunks(len(logits), size_hw, out_size_hw):
        inside = _at_input_size(logits[part], size_hw) > threshold
        if tuple(size_hw) != tuple(out_size_hw):
            inside = F.interpolate(inside.float(), size=tuple(out_size_hw)).bool()
        masks[part] = inside[:, 0]
    return masks


def probability_masks(
    logits: Tensor,
    size_hw: Sequence[int],
    out_size_hw: Sequence[int],
    mode: str = 'bilinear',
) -> Tensor:
    """Probabilities (n, H, W), resized as :func:`binary_masks` are.

    ``mode`` is how they come to the reported frame: ``'bilinear'`` (VOS, method.md 5.4)
    or ``'nearest'`` (Ref-DAVIS, method.md 5.7).
    """
    masks = logits.new_zeros((len(logits), *out_size_hw))
    for part in _chunks(len(logits), size_hw, out_size_hw):
        probs = _at_input_size(logits[part], size_hw).sigmoid()
        if tuple(size_hw) != tuple(out_size_hw):
            probs = F.interpolate(probs, size=tuple(out_size_hw), mode=mode)
        masks[part] = probs[:, 0]
    return masks


def _at_input_size(logits: Tensor, size_hw: Sequence[int]) -> Tensor:
    """(n, 1, h, w) logits of the un-padded input."""
    full = F.interpolate(logits[:, None], scale_factor=MASK_STRIDE, mode='bilinear')
    return full[..., : size_hw[0], : size_hw[1]]


def _chunks(
    count: int, size_hw: Sequence[int], out_size_hw: Sequence[int]
) -> Iterator[slice]:
    pixels = max(math.prod(size_hw), math.prod(out_size_hw))
    step = max(1, MAX_MASK_PIXELS // pixels)
    return (slice(start, start + step) for start in range(0, count, step))
