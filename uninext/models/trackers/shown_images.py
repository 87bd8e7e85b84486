"""Images as the network sees them, and what is remembered of targets that they show."""

from __future__ import annotations

import mmcv
import numpy as np
import torch
from torch import Tensor, nn

from uninext.models.trackers.base import Tracker, VideoFrame
from uninext.structures import Memory, Target
from uninext.utils.transfers import upload


def network_input(image: np.ndarray, scale: tuple[int, int] | None) -> Tensor:
    """Bring an image (H, W, 3) BGR to the network's size.

    Args:
        image: uint8.
        scale: (long, short) sides that it is resized to, aspect kept; None: as it is.

    Returns:
        (3, h, w) uint8.
    """
    if scale is not None:
        image = mmcv.imrescale(image, scale, backend='pillow')
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


def shown_memory(
    target: Target,
    image: Tensor,
    size_hw: tuple[int, int],
    tracker: Tracker,
    model: nn.Module,
) -> Memory:
    """What a tracker remembers of a target that an image shows.

    Args:
        target: Box or mask in pixels of the image as it was given.
        image: Of :func:`network_input`.
        size_hw: (H, W) of the image as it was given.
        tracker: Of this kind of target.
        model: Whose input the image is.

    Raises:
        ValueError: If the image does not show it.
    """
    frame = VideoFrame(
        upload(image, model.device),
        size_hw,
        pad_divisor=model.data_preprocessor.test_pad_size_divisor,
    )
    try:
        return tracker.show(target, frame)
    except ValueError as error:
        if target.shown_in is None:
            raise
        raise ValueError(f'{error} (The image is that of shown_in.)') from error
