"""Which key of a backbone is which of ours, for the three published backbones.

``published`` and ``ours`` are prefixes that end in a dot, or nothing. No key of one
backbone looks like one of another, so the rules of all can stand in one list.
"""

from __future__ import annotations

from dataclasses import replace

from uninext.checkpoint.conversion.key_rule import KeyRule, rules_of

_RESNET_STEM = """
    conv1.weight     conv1.weight
    conv1.norm.{bn}  bn1.{bn}
"""
_RESNET_BLOCK = """
    conv1.weight        conv1.weight
    conv1.norm.{bn}     bn1.{bn}
    conv2.weight        conv2.weight
    conv2.norm.{bn}     bn2.{bn}
    conv3.weight        conv3.weight
    conv3.norm.{bn}     bn3.{bn}
    shortcut.weight     downsample.0.weight
    shortcut.norm.{bn}  downsample.1.{bn}
"""
# The stem normalises after its convolution, the other stages before.
_CONVNEXT = """
    downsample_layers.0.0.{p}   downsample_layers.0.0.{p}
    downsample_layers.1.1.{p}   downsample_layers.1.1.{p}
    downsample_layers.2.1.{p}   downsample_layers.2.1.{p}
    downsample_layers.3.1.{p}   downsample_layers.3.1.{p}
    stages.{i}.{j}.dwconv.{p}   stages.{i}.{j}.depthwise_conv.{p}
    stages.{i}.{j}.pwconv1.{p}  stages.{i}.{j}.pointwise_conv1.{p}
    stages.{i}.{j}.pwconv2.{p}  stages.{i}.{j}.pointwise_conv2.{p}
"""
_CONVNEXT_VECTORS = """
    downsample_layers.0.1.{p}  downsample_layers.0.1.{p}
    downsample_layers.1.0.{p}  downsample_layers.1.0.{p}
    downsample_layers.2.0.{p}  downsample_layers.2.0.{p}
    downsample_layers.3.0.{p}  downsample_layers.3.0.{p}
    stages.{i}.{j}.norm.{p}    stages.{i}.{j}.norm.{p}
    stages.{i}.{j}.gamma       stages.{i}.{j}.gamma
    norm1.{p}                  norm1.{p}
    norm2.{p}                  norm2.{p}
    norm3.{p}                  norm3.{p}
"""
# Ours is named as mmpretrain.ViTSAM names it. pos_embed (1, 1 + 14 * 14, C) keeps the
# place of the class token, which the forward pass leaves out; upsample is the
# transposed convolution that makes the level of stride 8.
_VIT = """
    pos_embed                          pos_embed
    patch_embed.proj.{p}               patch_embed.projection.{p}
    blocks.{i}.norm1.{p}               layers.{i}.ln1.{p}
    blocks.{i}.norm2.{p}               layers.{i}.ln2.{p}
    blocks.{i}.attn.qkv.{p}            layers.{i}.attn.qkv.{p}
    blocks.{i}.attn.proj.{p}           layers.{i}.attn.proj.{p}
    blocks.{i}.attn.rel_pos_{axis}     layers.{i}.attn.rel_pos_{axis}
    blocks.{i}.mlp.fc1.{p}             layers.{i}.ffn.layers.0.0.{p}
    blocks.{i}.mlp.fc2.{p}             layers.{i}.ffn.layers.1.{p}
    fpn1.0.{p}                         upsample.{p}
"""


def backbone_rules(published: str, ours: str) -> list[KeyRule]:
    """Rules of every backbone that a published UNINEXT checkpoint may have."""
    return [
        *resnet_rules(published, ours),
        *convnext_rules(published, ours, norms_as_rows=True),
        *vit_rules(published, ours),
    ]


def resnet_rules(published: str = '', ours: str = '') -> list[KeyRule]:
    """Detectron2's ResNet with bottlenecks to ``mmdet.ResNet``."""
    rules = rules_of(_RESNET_STEM, f'{published}stem.', ours)
    for stage in range(1, 5):
        theirs = f'{published}res{stage + 1}.{{i}}.'
        rules += rules_of(_RESNET_BLOCK, theirs, f'{ours}layer{stage}.{{i}}.')
    return rules


def convnext_rules(
    published: str = '', ours: str = '', norms_as_rows: bool = False
) -> list[KeyRule]:
    """The authors' ConvNeXt to ``mmpretrain.ConvNeXt``.

    With ``norms_as_rows``, normalisations and layer scales are kept as embeddings of
    one row, as in a UNINEXT checkpoint: ``.weight`` after the name, (1, C).
    """
    vectors = rules_of(_CONVNEXT_VECTORS, published, ours)
    if norms_as_rows:
        vectors = [
            replace(rule, published=f'{rule.published}.weight', as_row=True)
            for rule in vectors
        ]
    return rules_of(_CONVNEXT, published, ours) + vectors


def vit_rules(published: str = '', ours: str = '') -> list[KeyRule]:
    """A plain ViT as timm, MAE and ViTDet name it to ours."""
    return rules_of(_VIT, published, ours)
