"""Stored inputs as our network takes them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt


def caption_prompt(caption: str, group: str) -> Prompt:
    """The prompt of a stored caption.

    Args:
        caption: Category names joined with ``'. '``, or an expression, which is read as
            it is.
        group: 'detection' for categories; anything else is an expression.
    """
    if group == 'detection':
        return Prompt.from_categories(caption.split('. '))
    return Prompt(caption, (caption,), ((0, len(caption)),), pooled=True)


def target_prompt(
    image: Tensor, box: Tensor, mask: Tensor | None, pad_divisor: int
) -> VisualPrompt:
    """A target in an RGB image (3, H, W): its box (4,) and mask (H, W)."""
    template = Template.from_frame(image.flip(0), box, mask, pad_divisor=pad_divisor)
    return VisualPrompt((template,))


def sample_of(image: Tensor, prompt: Prompt | VisualPrompt) -> UninextDataSample:
    """A sample of an image (3, H, W) with its prompt."""
    size = tuple(image.shape[-2:])
    sample = UninextDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
    )
    sample.prompt = prompt
    return sample


def batch_of(images: list[Tensor], samples: list[UninextDataSample]) -> dict[str, Any]:
    """Stored images are RGB, our datasets give BGR."""
    return dict(inputs=[image.flip(0) for image in images], data_samples=samples)
