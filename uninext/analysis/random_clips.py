"""Random batches as a dataloader gives them, for measuring and for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from uninext.structures import UninextDataSample

NAMES = ('person', 'car', 'dog', 'bicycle')


def random_clips(
    batch_size: int,
    size_hw: tuple[int, int],
    num_objects: int,
    with_reference: bool = True,
    seed: int = 0,
) -> Callable[[], dict[str, Any]]:
    """Make a function that gives the same random batch, as collated, at each call.

    Args:
        batch_size: Samples.
        size_hw: Of all frames.
        num_objects: Rectangles in each frame, with masks.
        with_reference: Clips of two frames; else single frames.
        seed: Of everything random.
    """

    def batch() -> dict[str, Any]:
        generator = np.random.default_rng(seed)
        data: dict[str, Any] = dict(inputs=[], data_samples=[])
        if with_reference:
            data['reference_inputs'] = []
        for _ in range(batch_size):
            image, sample = _frame(generator, size_hw, num_objects)
            data['inputs'].append(image)
            data['data_samples'].append(sample)
            if with_reference:
                image, sample.reference = _frame(generator, size_hw, num_objects)
                data['reference_inputs'].append(image)
        return data

    return batch


def _frame(
    generator: np.random.Generator, size_hw: tuple[int, int], num_objects: int
) -> tuple[torch.Tensor, UninextDataSample]:
    # Not at the top: whoever reads logs need not wait for mmdet.
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    from uninext.structures import Prompt, UninextDataSample

    height, width = size_hw
    image = generator.integers(0, 256, (3, height, width), dtype=np.uint8)
    corners = generator.uniform(0, 0.6, (num_objects, 2)) * (width, height)
    sizes = generator.uniform(0.1, 0.4, (num_objects, 2)) * (width, height)
    boxes = np.concatenate([corners, corners + sizes], 1).astype(np.float32)
    masks = np.zeros((num_objects, height, width), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int)):
        mask[y1:y2, x1:x2] = 1
    sample = UninextDataSample(metainfo=dict(img_shape=size_hw, ori_shape=size_hw))
    sample.prompt = Prompt.from_categories(NAMES)
    sample.gt_instances = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(generator.integers(0, len(NAMES), num_objects)),
        masks=BitmapMasks(masks, height, width),
        instances_ids=torch.arange(num_objects),
    )
    return torch.from_numpy(image), sample
