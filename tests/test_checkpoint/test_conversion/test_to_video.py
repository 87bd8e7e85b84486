from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from uninext.checkpoint.conversion import (
    add_template_backbone,
    start_video_from_image,
)
from uninext.registry import MODELS

CONVNEXT = dict(depths=[1, 1, 1, 1], channels=[4, 4, 4, 4])
TEMPLATE = 'visual_prompt_generator.backbone.'


class Patches(nn.Module):
    """The stem of a vision transformer."""

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.projection = nn.Conv2d(in_channels, 4, 16, 16)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.projection(x),)


def resnet(in_channels: int = 3) -> nn.Module:
    cfg = dict(type='ResNet', depth=18, base_channels=4, stem_channels=4)
    return MODELS.build(dict(**cfg, in_channels=in_channels))


def convnext(in_channels: int = 3) -> nn.Module:
    cfg = dict(type='mmpretrain.ConvNeXt', arch=CONVNEXT, gap_before_final_norm=False)
    return MODELS.build(dict(**cfg, in_channels=in_channels))


def test_empty_state_dict() -> None:
    with pytest.raises(ValueError, match=r'no backbone\.\*'):
        add_template_backbone({})


@pytest.mark.parametrize(
    ('build', 'first'),
    [
        (resnet, 'conv1'),
        (convnext, 'downsample_layers.0.0'),
        (Patches, 'projection'),
    ],
    ids=['resnet', 'convnext', 'vit'],
)
def test_template_backbone_computes_what_the_backbone_does(build, first) -> None:
    backbone, template = build(3), build(4)
    for network in (backbone, template):
        network.eval()  # of ConvNeXt it returns nothing
    state = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    state['neck.weight'] = torch.ones(1)
    whole = add_template_backbone(state)
    assert all(whole[k] is v for k, v in state.items())
    derived = {k[len(TEMPLATE) :]: v for k, v in whole.items() if k not in state}
    template.load_state_dict(derived)
    assert derived[f'{first}.weight'][:, 3].count_nonzero() == 0
    image = torch.randn(1, 4, 64, 64)
    with torch.no_grad():
        for a, b in zip(template(image), backbone(image[:, :3])):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ('shapes', 'found'),
    [([(4, 8, 3, 3)], 'none'), ([(4, 3, 3, 3), (4, 3, 1, 1)], r'backbone\.1')],
    ids=['none', 'two'],
)
def test_first_convolution_must_be_clear(shapes, found) -> None:
    state = {f'backbone.{i}': torch.zeros(s) for i, s in enumerate(shapes)}
    with pytest.raises(ValueError, match=f'exactly one.*found.*{found}'):
        add_template_backbone(state)


def test_video_weights_stay_as_they_are() -> None:
    state = add_template_backbone({'backbone.a': torch.zeros(2, 3, 1, 1)})
    assert add_template_backbone(state) == state
    # half of a video network is no image network: what it lacks is an error
    half = {'backbone.a': torch.zeros(2, 3, 1, 1), 'embed_head.x': torch.zeros(1)}
    assert start_video_from_image(half) == (half, [], [])


def test_only_what_is_new_may_be_missing() -> None:
    state = {'backbone.conv1.weight': torch.ones(2, 3, 1, 1)}
    whole, notes, fresh = start_video_from_image(state)
    assert set(whole) == {*state, f'{TEMPLATE}conv1.weight'}
    assert len(notes) == 2
    assert 'zeros' in notes[1]
    # converted with --to-video: the same start, nothing to derive
    assert start_video_from_image(whole) == (whole, notes[:1], fresh)

    def may_lack(key: str) -> bool:
        return any(re.search(pattern, key) for pattern in fresh)

    assert may_lack('embed_head.mlp.layers.0.weight')
    assert may_lack('visual_prompt_generator.fuser.0.bias')
    assert not may_lack(f'{TEMPLATE}layer1.0.conv1.weight')
    assert not may_lack('neck.convs.0.conv.weight')
