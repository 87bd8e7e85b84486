"""What several prompts of a frame have found becomes one result."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.structures import InstanceData

from uninext.models.trackers.base import VideoFrame


def joined(results: Mapping[int, InstanceData], frame: VideoFrame) -> InstanceData:
    """All instances of a frame, in the order of their prompts, with ``prompt_ids``."""
    parts = []
    for prompt_id, result in sorted(results.items()):
        ids = result.labels.new_full((len(result),), prompt_id)
        result.prompt_ids = ids
        parts.append(result)
    if parts and len({frozenset(part.keys()) for part in parts}) == 1:
        return InstanceData.cat(parts)
    return _nothing(frame) if not parts else _cat_with_empty_masks(parts, frame)


def _nothing(frame: VideoFrame) -> InstanceData:
    device = frame.image.device
    numbers = torch.zeros(0, dtype=torch.int64, device=device)
    results = InstanceData(
        bboxes=torch.zeros(0, 4, device=device),
        scores=torch.zeros(0, device=device),
        labels=numbers,
        instances_ids=numbers,
        prompt_ids=numbers,
    )
    if frame.mask_head is not None:
        masks = torch.zeros(0, *frame.out_size_hw, dtype=torch.bool, device=device)
        results.masks = masks
    return results


def _cat_with_empty_masks(parts: list[InstanceData], frame: VideoFrame) -> InstanceData:
    """Some kinds of prompts report masks, others do not: those get empty ones."""
    for part in parts:
        if 'masks' not in part:
            part.masks = part.bboxes.new_zeros(
                (len(part), *frame.out_size_hw), dtype=torch.bool
            )
    return InstanceData.cat(parts)
