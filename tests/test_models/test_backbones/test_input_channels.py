from __future__ import annotations

import pytest
import torch
from torch import nn

from uninext.models.backbones import widen_input_channels
from uninext.registry import MODELS

BACKBONES = {
    'resnet': (
        dict(type='ResNet', depth=18, base_channels=4, stem_channels=4),
        'conv1',
    ),
    'mobilenet': (dict(type='MobileNetV2', widen_factor=0.1), 'conv1.conv'),
    'convnext': (
        dict(
            type='mmpretrain.ConvNeXt',
            arch=dict(depths=[1, 1, 1, 1], channels=[4, 4, 4, 4]),
            gap_before_final_norm=False,
        ),
        'downsample_layers.0.0',
    ),
    'vit': (
        dict(
            type='UninextViT',
            embed_dims=8,
            num_layers=1,
            num_heads=2,
            window_blocks=(),
        ),
        'patch_embed.projection',
    ),
}


def test_no_convolution() -> None:
    with pytest.raises(ValueError, match='Sequential has 0 convolutions of 3 input'):
        widen_input_channels(nn.Sequential(nn.Conv2d(4, 3, 1)), 4)


def test_two_convolutions() -> None:
    backbone = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 8, 1))
    with pytest.raises(ValueError, match='2 convolutions.*exactly one.*4 channels'):
        widen_input_channels(backbone, 4)
    assert backbone[0].in_channels == 3, 'nothing was changed'


@pytest.mark.parametrize(('cfg', 'name'), BACKBONES.values(), ids=BACKBONES)
def test_only_the_first_convolution_changes(cfg, name) -> None:
    backbone = MODELS.build(cfg)
    before = {n: p.clone() for n, p in backbone.state_dict().items()}
    narrow = backbone.get_submodule(name)
    widen_input_channels(backbone, 5)
    wide = backbone.get_submodule(name)
    after = backbone.state_dict()
    assert list(after) == list(before)
    changed = [n for n, v in before.items() if after[n].shape != v.shape]
    assert changed == [f'{name}.weight']
    assert all(torch.equal(after[n], v) for n, v in before.items() if name not in n)
    for attribute in (
        'out_channels', 'kernel_size', 'stride', 'padding', 'dilation', 'groups',
    ):  # fmt: skip
        assert getattr(wide, attribute) == getattr(narrow, attribute)
    assert (wide.bias is None) == (narrow.bias is None)


@pytest.mark.parametrize(('cfg', 'name'), BACKBONES.values(), ids=BACKBONES)
def test_a_channel_of_zero_weights_is_not_seen(cfg, name) -> None:
    narrow, wide = MODELS.build(cfg), MODELS.build(cfg)
    widen_input_channels(wide, 4)
    for backbone in (narrow, wide):
        backbone.eval()  # they return nothing
    state = narrow.state_dict()
    weight = state[f'{name}.weight']
    state[f'{name}.weight'] = torch.cat([weight, torch.zeros_like(weight[:, :1])], 1)
    wide.load_state_dict(state)
    image = torch.randn(1, 4, 64, 64)
    with torch.no_grad():
        for ours, expected in zip(wide(image), narrow(image[:, :3])):
            torch.testing.assert_close(ours, expected)
        with pytest.raises(RuntimeError, match='4 channels'):
            wide(image[:, :3])
