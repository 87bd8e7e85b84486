"""What both trackers share: who looks alike, who covers whom, how rows are kept.

Shape legend: n detections, T tracks, C channels, P pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.trackers.base import IdCounter

UNTRACKED = -1  # no track; may be kept as a backdrop
IGNORED = -2  # no track and of no use: most likely a weak double of a track


def check_fields(detections: InstanceData, names: Sequence[str]) -> None:
    """Raise ``ValueError`` if detections lack a field that a tracker reads."""
    missing = [name for name in names if name not in detections]
    if missing:
        raise ValueError(
            f'The tracker reads {list(names)} of the detections of a frame, but '
            f'{missing} are missing (given: {sorted(detections.keys())}).'
        )


def bisoftmax(embeds: Tensor, memory_embeds: Tensor) -> Tensor:
    """Compare embeddings (n, C) with those of a memory (T, C) both ways.

    Paper: Quasi-Dense Similarity Learning for Multiple Object Tracking, 2006.06664,
    section 3.3; on dot products of embeddings that are not normalised.

    Returns:
        (n, T) in 0..1; ``[i, j]`` is the mean of "which j is i" and "which i is j".
    """
    products = embeds @ memory_embeds.T
    return (products.softmax(dim=1) + products.softmax(dim=0)) / 2


def pairwise_mask_iou(masks: Tensor) -> Tensor:
    """(n, n) float32 IoU of pairs of (n, P) masks; two empty masks are equal (1)."""
    pixels = masks.float()
    inter = pixels @ pixels.T
    areas = pixels.sum(1)
    union = areas[:, None] + areas[None] - inter
    return (inter + 1e-6) / (union + 1e-6)


def keep_greedily(ious: Tensor, threshold: float) -> Tensor:
    """Suppress what overlaps with something better that is itself kept.

    Args:
        ious: (n, n), best first, in main memory.
        threshold: Overlap above is suppressed.

    Returns:
        (n,) bool, True is kept.
    """
    covers = ious > threshold
    keep = torch.ones(len(ious), dtype=torch.bool)
    for i in range(len(ious)):
        if keep[i]:
            keep[i + 1 :] &= ~covers[i, i + 1 :]
    return keep


def name_new(ids: Tensor, scores: Tensor, threshold: float, counter: IdCounter) -> None:
    """Give new ids, best first, to untracked detections with a score above the limit.

    ``ids`` (n,) int64 is written to; ``scores`` is (n,).
    """
    new = (ids == UNTRACKED) & (scores > threshold)
    ids[new] = torch.tensor(counter.take(int(new.sum()))).to(ids)


def join(old: Tensor, new: Tensor) -> Tensor:
    """Concatenate rows; an empty ``old`` may have any width and type."""
    return torch.cat([old, new]) if len(old) else new
