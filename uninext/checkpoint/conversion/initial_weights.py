"""Pretrained weights of a backbone alone, from their authors' layouts to ours.

What a training from nothing starts with: ``init_cfg=dict(type='Pretrained',
checkpoint=FILE)`` of the backbone reads the result.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from uninext.checkpoint.conversion.backbone_keys import (
    convnext_rules,
    resnet_rules,
    vit_rules,
)
from uninext.checkpoint.conversion.converter import ConversionReport, rename_published
from uninext.checkpoint.conversion.key_rule import KeyRule

VIT_PATCH = 16
_CLASSIFIER = 'of the classifier'
_PRETRAINING = 'of the pretraining task'


class BackboneLayout(NamedTuple):
    """A layout that pretrained weights of a backbone come in.

    Attributes:
        name: What it is called.
        sign: A key that no other layout has.
        rules: Its keys and ours.
        dropped: Templates of keys without a place, and why.
    """

    name: str
    sign: str
    rules: list[KeyRule]
    dropped: Mapping[str, str]


BACKBONE_LAYOUTS = (
    BackboneLayout(
        'torchvision ResNet',
        'layer1.0.conv1.weight',
        [KeyRule(k, k) for k in ('conv1.weight', 'bn1.{rest}', 'layer{i}.{j}.{rest}')],
        {'fc.{p}': _CLASSIFIER},
    ),
    BackboneLayout(
        'Detectron2 ResNet',
        'res2.0.conv1.weight',
        resnet_rules(),
        {'stem.fc.{p}': _CLASSIFIER},
    ),
    BackboneLayout(
        'ConvNeXt',
        'stages.0.0.dwconv.weight',
        convnext_rules(),
        {'norm.{p}': _CLASSIFIER, 'head.{p}': _CLASSIFIER},
    ),
    BackboneLayout(
        'MAE ViT',
        'blocks.0.attn.qkv.weight',
        vit_rules(),
        {
            'cls_token': 'the class token, which the detector has not',
            'norm.{p}': 'of the class token and the decoder of the pretraining',
            'fc_norm.{p}': _CLASSIFIER,
            'head.{p}': _CLASSIFIER,
            'mask_token': _PRETRAINING,
            'decoder_{rest}': _PRETRAINING,
        },
    ),
)


def backbone_from_published(
    state: Mapping[str, Tensor],
) -> tuple[OrderedDict[str, Tensor], ConversionReport]:
    """Rename the keys of pretrained weights of a backbone to ours, without prefix.

    Read are a ResNet-50 as torchvision or Detectron2 name it, a ConvNeXt of its authors
    (22k, 22k-1k, 1k), and a ViT of MAE with patches of 16 pixels; memory is shared.
    What the detector adds to a backbone is not in such a file and keeps its initial
    values: norms of ConvNeXt's outputs; relative positions and the upsampling of ViT.

    Raises:
        ValueError: If it is none of these, a key has no place, or patches of the ViT
            are of another size.
    """
    found = [layout for layout in BACKBONE_LAYOUTS if layout.sign in state]
    if len(found) != 1:
        known = ', '.join(f'{one.name} ({one.sign})' for one in BACKBONE_LAYOUTS)
        raise ValueError(
            'This is no pretrained backbone of a known layout. Known, with a key: '
            f'{known}. Found the keys {sorted(state)[:5]}.'
        )
    name, _, rules, dropped = found[0]
    report = ConversionReport(name)
    ours = rename_published(state, rules, dropped, report, name)
    kernel = ours.get('patch_embed.projection.weight')
    if kernel is not None and kernel.shape[-1] != VIT_PATCH:
        raise ValueError(
            f'This ViT has patches of {kernel.shape[-1]} pixels; the detector needs '
            f'{VIT_PATCH}. For ViT-H take mae_pretrain_vit_huge_p14to16.pth, where '
            'they were resized.'
        )
    return ours, report
