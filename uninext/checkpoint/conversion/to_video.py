"""Weights of the image network become the start of the video network.

The video network looks at its target through a second backbone that has a fourth input
channel, where the target is. It starts as the backbone of the image network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

BACKBONE = 'backbone.'
TEMPLATE_BACKBONE = 'visual_prompt_generator.backbone.'
# Of what the video network adds, only the template backbone can be derived.
VIDEO_PREFIXES = ('visual_prompt_generator.', 'embed_head.')
FRESH = (r'^visual_prompt_generator\.(?!backbone\.)', r'^embed_head\.')


def add_template_backbone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add the template backbone: the backbone with a fourth, zero, input channel.

    With a zero channel it computes at first what the backbone computes. Follows the
    published preparation of stage 3.

    Args:
        state: State dict of our image network, with any backbone whose first
            convolution is the only one with three input channels.

    Returns:
        ``state`` and a ``visual_prompt_generator.backbone.*`` for each ``backbone.*``.
        Tensors that do not change are shared. A state dict that has the template
        backbone already is returned as it is.

    Raises:
        ValueError: If there is no backbone, or not exactly one convolution with three
            input channels in it.
    """
    if any(key.startswith(TEMPLATE_BACKBONE) for key in state):
        return dict(state)
    backbone = {k: v for k, v in state.items() if k.startswith(BACKBONE)}
    if not backbone:
        raise ValueError(
            f'The state dict has no {BACKBONE}* to derive the template backbone from. '
            'Expected the weights of a whole image network in our layout.'
        )
    first = [k for k, v in backbone.items() if v.dim() == 4 and v.shape[1] == 3]
    if len(first) != 1:
        raise ValueError(
            'Expected exactly one convolution with 3 input channels in the backbone, '
            f'to extend it by the channel of the target; found {first or "none"}.'
        )
    weight = backbone[first[0]]
    target_channel = torch.zeros_like(weight[:, :1])
    backbone[first[0]] = torch.cat([weight, target_channel], dim=1)  # (C, 4, k, k)
    added = {TEMPLATE_BACKBONE + k[len(BACKBONE) :]: v for k, v in backbone.items()}
    return {**state, **added}


def start_video_from_image(
    state: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], list[str], list[str]]:
    """Adapt what is loaded into a video network: see ``adapt_state_dict``.

    Args:
        state: State dict in our layout: of the image network, with or without the
            template backbone, or of the video network.

    Returns:
        The state dict of a video network as far as it can be derived; a line for the
        log per thing that was done; regular expressions of keys that may be missing
        then, because they start from initial values. A state dict of a video network
        is returned as it is, and nothing of it may be missing.

    Raises:
        ValueError: See :func:`add_template_backbone`.
    """
    if any(re.match(pattern, key) for pattern in FRESH for key in state):
        return dict(state), [], []
    notes = [
        'Image weights: the rest of visual_prompt_generator.* and all of embed_head.* '
        'keep their initial values'
    ]
    whole = add_template_backbone(state)
    if len(whole) > len(state):
        notes.append(
            f'Image weights: {TEMPLATE_BACKBONE}* copied from {BACKBONE}*, with a '
            'fourth input channel of zeros'
        )
    return whole, notes, list(FRESH)
