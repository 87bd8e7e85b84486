"""Backbones for images with more than three channels.

The first convolution of a built backbone is widened.
"""

from __future__ import annotations

from torch import nn

IMAGE_CHANNELS = 3


def widen_input_channels(backbone: nn.Module, num_channels: int) -> None:
    """Replace the convolution that reads the image by one of more channels, in place.

    Works for any backbone with exactly one convolution of three input channels, so that
    no backbone needs an argument for it. The new weights are freshly initialised.

    Raises:
        ValueError: If there is not exactly one such convolution.
    """
    found = [
        (name, module)
        for name, module in backbone.named_modules()
        if isinstance(module, nn.Conv2d) and module.in_channels == IMAGE_CHANNELS
    ]
    if len(found) != 1:
        raise ValueError(
            f'{type(backbone).__name__} has {len(found)} convolutions of '
            f'{IMAGE_CHANNELS} input channels; expected exactly one, to give '
            f'it {num_channels} channels.'
        )
    name, conv = found[0]
    wider = nn.Conv2d(
        num_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
        conv.bias is not None,
        conv.padding_mode,
    )
    parent, _, attribute = name.rpartition('.')
    setattr(backbone.get_submodule(parent), attribute, wider)
