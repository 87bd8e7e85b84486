from __future__ import annotations

import pytest
import torch

from uninext.checkpoint.conversion import backbone_from_published
from uninext.registry import MODELS


def numbered(*keys: str) -> dict[str, torch.Tensor]:
    return {key: torch.full((1, 1, 16, 16), float(n)) for n, key in enumerate(keys)}


def resnet50() -> torch.nn.Module:
    return MODELS.build(dict(type='ResNet', depth=50, base_channels=4, stem_channels=4))


def test_empty_state_dict() -> None:
    with pytest.raises(ValueError, match='torchvision ResNet.*MAE ViT'):
        backbone_from_published({})


@pytest.mark.parametrize(
    ('keys', 'ours', 'num_dropped'),
    [
        (
            ['conv1.weight', 'bn1.num_batches_tracked', 'layer1.0.conv1.weight']
            + ['layer4.2.downsample.1.bias', 'fc.weight', 'fc.bias'],
            ['conv1.weight', 'bn1.num_batches_tracked', 'layer1.0.conv1.weight']
            + ['layer4.2.downsample.1.bias'],
            2,
        ),
        (
            ['stem.conv1.weight', 'stem.conv1.norm.running_var', 'stem.fc.bias']
            + ['res2.0.conv1.weight', 'res5.0.shortcut.norm.bias'],
            ['conv1.weight', 'bn1.running_var', 'layer1.0.conv1.weight']
            + ['layer4.0.downsample.1.bias'],
            1,
        ),
        (
            ['downsample_layers.0.0.weight', 'downsample_layers.0.1.weight']
            + ['downsample_layers.3.0.bias', 'downsample_layers.3.1.bias']
            + ['stages.0.0.dwconv.weight', 'stages.2.26.gamma', 'stages.0.0.norm.bias']
            + ['stages.0.0.pwconv2.bias', 'norm.weight', 'head.bias'],
            ['downsample_layers.0.0.weight', 'downsample_layers.0.1.weight']
            + ['downsample_layers.3.0.bias', 'downsample_layers.3.1.bias']
            + ['stages.0.0.depthwise_conv.weight', 'stages.2.26.gamma']
            + ['stages.0.0.norm.bias', 'stages.0.0.pointwise_conv2.bias'],
            2,
        ),
        (
            ['cls_token', 'pos_embed', 'patch_embed.proj.weight', 'norm.bias']
            + ['blocks.0.attn.qkv.weight', 'blocks.31.mlp.fc2.bias', 'mask_token']
            + ['decoder_blocks.0.norm1.weight', 'decoder_pos_embed'],
            ['pos_embed', 'patch_embed.projection.weight']
            + ['layers.0.attn.qkv.weight', 'layers.31.ffn.layers.1.bias'],
            5,
        ),
    ],
    ids=['torchvision', 'detectron2', 'convnext', 'mae'],
)
def test_layouts(keys, ours, num_dropped) -> None:
    state = numbered(*keys)
    converted, report = backbone_from_published(state)
    assert list(converted) == ours
    assert all(converted[new] is state[old] for old, new in report.mapped)
    assert len(report.dropped) == num_dropped


@pytest.mark.parametrize('layout', ['torchvision', 'detectron2'])
def test_whole_resnet(layout) -> None:
    wanted = resnet50().state_dict()
    state = dict(wanted)
    if layout == 'detectron2':  # its own renaming of torchvision's names
        state = {}
        for key, value in wanted.items():
            new = key if 'layer' in key else f'stem.{key}'
            for stage in (1, 2, 3, 4):
                new = new.replace(f'layer{stage}', f'res{stage + 1}')
            for n in (1, 2, 3):
                new = new.replace(f'bn{n}', f'conv{n}.norm')
            new = new.replace('downsample.0', 'shortcut')
            new = new.replace('downsample.1', 'shortcut.norm')
            if 'num_batches' not in key:
                state[new] = value
    converted, report = backbone_from_published(state)
    assert report.dropped == []
    counters = {k for k in wanted if k.endswith('num_batches_tracked')}
    assert set(converted) == set(wanted) - (counters if 'res2' in str(state) else set())
    assert all(converted[k] is wanted[k] for k in converted)


def test_whole_convnext_lacks_only_norms_of_outputs() -> None:
    cfg = dict(type='mmpretrain.ConvNeXt', gap_before_final_norm=False)
    arch = dict(depths=[3, 3, 27, 3], channels=[4, 4, 4, 4])
    network = MODELS.build(dict(**cfg, arch=arch, out_indices=(1, 2, 3)))
    wanted = network.state_dict()
    names = {'depthwise_conv': 'dwconv', 'pointwise_conv': 'pwconv'}
    theirs = {}
    for key, value in wanted.items():
        for new, old in names.items():
            key = key.replace(new, old)
        if not key.startswith('norm'):
            theirs[key] = value
    converted, _ = backbone_from_published(theirs)
    lacking = {f'norm{i}.{p}' for i in (1, 2, 3) for p in ('weight', 'bias')}
    assert set(wanted) - set(converted) == lacking
    assert all(converted[k] is wanted[k] for k in converted)


def test_keys_without_a_place() -> None:
    with pytest.raises(ValueError, match='MAE ViT keys.*\n.*blocks.0.extra'):
        backbone_from_published(numbered('blocks.0.attn.qkv.weight', 'blocks.0.extra'))
    with pytest.raises(ValueError, match=r"Found the keys \['detr"):
        backbone_from_published(numbered('detr.detr.transformer.level_embed'))


def test_patches_of_another_size() -> None:
    state = numbered('blocks.0.attn.qkv.weight')
    state['patch_embed.proj.weight'] = torch.zeros(8, 3, 14, 14)
    with pytest.raises(ValueError, match='patches of 14 pixels.*p14to16'):
        backbone_from_published(state)
