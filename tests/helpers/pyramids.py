"""Feature pyramids for the tests of the transformer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor

from uninext.models.transformer import FeaturePyramid

CHANNELS = 32
SIZES = ((8, 8), (4, 4), (2, 2), (1, 1))  # of a 64 x 64 input
LEVEL_EMBED = torch.linspace(-1, 1, 4 * CHANNELS).view(4, CHANNELS)


def encoding() -> SinePositionalEncoding:
    return SinePositionalEncoding(CHANNELS // 2, normalize=True, offset=-0.5)


def random_levels(batch: int = 2, sizes=SIZES) -> list[Tensor]:
    return [torch.randn(batch, CHANNELS, *size) for size in sizes]


def image_mask(img_sizes, input_hw=(64, 64)) -> Tensor:
    mask = torch.ones(len(img_sizes), *input_hw, dtype=torch.bool)
    for row, (height, width) in zip(mask, img_sizes):
        row[:height, :width] = False
    return mask


def pyramid_of(levels, img_sizes, input_hw=(64, 64)) -> FeaturePyramid:
    return FeaturePyramid.from_levels(
        levels, image_mask(img_sizes, input_hw), encoding(), LEVEL_EMBED
    )


def random_pyramid(img_sizes=((64, 64), (32, 48))) -> FeaturePyramid:
    return pyramid_of(random_levels(len(img_sizes)), img_sizes)


@contextmanager
def numbers_unread() -> Iterator[None]:
    """Refuse to read a tensor's numbers: on a GPU, that waits for all before it."""

    def refuse(*_) -> None:
        raise AssertionError('a tensor was read')

    with ExitStack() as stack:
        for name in ('tolist', 'item', 'cpu', 'numpy', '__int__', '__bool__'):
            stack.enter_context(patch.object(Tensor, name, refuse))
        yield
