"""What must not be returned: asked together with the rest, then dropped.

Shape legend: n instances.
"""

from __future__ import annotations

import torch
from mmengine.structures import InstanceData

from uninext.formats.boxes import pairwise_iou

EXCLUDE_IOU = 0.5  # from it on two boxes are taken to mean one object


def without_excluded(found: InstanceData, num_wanted: int) -> InstanceData:
    """Drop instances that fit an excluded prompt better than their own.

    An instance goes if one of an excluded prompt overlaps its box with an IoU of
    ``EXCLUDE_IOU`` or more, and has a higher score. The others stay as they are.

    Args:
        found: ``bboxes`` (n, 4) xyxy, ``scores`` and ``prompt_ids`` (n,), on the CPU.
        num_wanted: Prompts with this id and above are excluded.

    Returns:
        Instances of the prompts that are wanted, in their order.
    """
    is_excluded = found.prompt_ids >= num_wanted
    wanted, excluded = found[~is_excluded], found[is_excluded]
    if not len(wanted) or not len(excluded):
        return wanted
    iou = pairwise_iou(wanted.bboxes.numpy(), excluded.bboxes.numpy())
    is_better = (excluded.scores[None] > wanted.scores[:, None]).numpy()
    beaten = ((iou >= EXCLUDE_IOU) & is_better).any(1)
    return wanted[torch.from_numpy(~beaten)]
