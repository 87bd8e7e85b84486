"""Losses of a mirrored image are those of the image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from uninext.models.losses import color_similarity, fill_boxes
from uninext.registry import MODELS

HEIGHT, WIDTH = 24, 32
NEIGHBOURS = [2, 1, 0, 4, 3, 7, 6, 5]  # of a mirrored window, row by row
MASKS = {
    'focal': dict(type='BinaryFocalLoss', mean_pixels=True),
    'dice': dict(type='MaskDiceLoss'),
    'projection': dict(type='BoxProjectionLoss'),
}
near = dict(atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('kind', MASKS)
def test_masks(kind):
    loss = MODELS.build(MASKS[kind])
    logits, targets = torch.randn(3, 6, 8), (torch.rand(3, 6, 8) < 0.5).float()
    mirrored = loss(logits.flip(2), targets.flip(2))
    torch.testing.assert_close(mirrored, loss(logits, targets), **near)


@pytest.mark.parametrize(
    'cfg',
    [dict(type='L1Loss', reduction='sum'), dict(type='NormalizedGIoULoss')],
    ids=lambda cfg: cfg['type'],
)
def test_boxes(cfg):
    loss = MODELS.build(cfg)
    boxes, targets = torch.rand(2, 9, 4).unbind()

    def mirror(boxes_cxcywh: Tensor) -> Tensor:
        return torch.cat([1 - boxes_cxcywh[:, :1], boxes_cxcywh[:, 1:]], 1)

    mirrored = loss(mirror(boxes), mirror(targets))
    torch.testing.assert_close(mirrored, loss(boxes, targets), **near)


def test_colours_and_pairs():
    """A neighbour on the left is one on the right."""
    image = torch.randint(100, 106, (3, HEIGHT, WIDTH)).float()
    inside = torch.ones(HEIGHT, WIDTH)
    alike = color_similarity(image, inside, stride=1)
    mirrored = color_similarity(image.flip(2), inside, stride=1)
    assert alike.std() > 0.01
    torch.testing.assert_close(mirrored, alike[NEIGHBOURS].flip(2), **near)
    loss = MODELS.build(dict(type='PairwiseAffinityLoss', color_threshold=0.01))
    logits, first = torch.randn(1, HEIGHT, WIDTH), torch.tensor([0])
    boxes = fill_boxes(torch.tensor([[4.0, 2, 20, 20]]), (HEIGHT, WIDTH), stride=1)
    expected = loss(logits, alike[None], boxes, first)
    assert expected > 0
    found = loss(logits.flip(2), mirrored[None], boxes.flip(2), first)
    torch.testing.assert_close(found, expected, **near)


def test_pixels_of_masks_from_boxes_are_those_of_the_left_edge():
    """As published: each 4th pixel from the 2nd, so a mirror sees others."""
    box = torch.tensor([[6.0, 4, 14, 20]])
    there = torch.tensor([[WIDTH - 1 - 14.0, 4, WIDTH - 1 - 6.0, 20]])
    filled, mirrored = (fill_boxes(b, (HEIGHT, WIDTH)) for b in (box, there))
    full, full_mirrored = (
        fill_boxes(b, (HEIGHT, WIDTH), stride=1) for b in (box, there)
    )
    assert torch.equal(full.flip(2), full_mirrored)
    assert not torch.equal(filled.flip(2), mirrored)
