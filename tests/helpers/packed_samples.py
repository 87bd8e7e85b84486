"""What holds of every packed frame, whatever its pipeline."""

from __future__ import annotations

import torch

from uninext.structures import UninextDataSample


def check_frame(inputs: torch.Tensor, sample: UninextDataSample) -> None:
    """Objects are there, in the frame, and called by a name of the prompt."""
    objects = sample.gt_instances
    height, width = sample.img_shape
    assert inputs.dtype == torch.uint8
    assert tuple(inputs.shape) == (3, height, width)
    assert len(objects) >= 1
    assert objects.labels.min() >= 0
    assert objects.labels.max() < len(sample.prompt)
    boxes = objects.bboxes.tensor
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes[:, [0, 2]].max() <= width
    assert boxes[:, [1, 3]].max() <= height
    if 'masks' in objects:
        assert objects.masks.masks.shape == (len(objects), height, width)
