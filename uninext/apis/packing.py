"""Images and what is asked of them, as the network takes them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from uninext.apis.prompts import kind_of
from uninext.models.detectors import PromptedDetector
from uninext.models.trackers.shown_images import network_input, shown_memory
from uninext.structures import Prompt, Target, UninextDataSample, VisualPrompt


def packed(
    image: np.ndarray, scale: tuple[int, int] | None
) -> tuple[Tensor, UninextDataSample]:
    """Image (3, h, w) uint8 of the network's size, and a sample of both sizes.

    Args:
        image: (H, W, 3) uint8 BGR.
        scale: As of :func:`network_input`.
    """
    resized = network_input(image, scale)
    sizes = dict(img_shape=tuple(resized.shape[1:]), ori_shape=image.shape[:2])
    return resized, UninextDataSample(metainfo=sizes)


@torch.no_grad()
def prompt_in(
    prompt: Prompt | Target | VisualPrompt,
    image: Tensor,
    sample: UninextDataSample,
    model: PromptedDetector,
) -> Prompt | VisualPrompt:
    """A target is cut out of the image of :func:`packed` that shows it.

    Raises:
        ValueError: If the image does not show it.
    """
    if not isinstance(prompt, Target):
        return prompt
    size_hw, tracker = sample.ori_shape[:2], model.trackers[kind_of(prompt)]
    memory = shown_memory(prompt, image, size_hw, tracker, model)
    return VisualPrompt(memory.templates)


def prompt_elsewhere(
    prompt: Prompt | Target, scale: tuple[int, int] | None, model: PromptedDetector
) -> Prompt | Target | VisualPrompt:
    """What another image shows is cut out of it, once for all images.

    Raises:
        ValueError: If that image does not show it.
    """
    if not isinstance(prompt, Target) or prompt.shown_in is None:
        return prompt
    return prompt_in(prompt, *packed(prompt.shown_in, scale), model)
