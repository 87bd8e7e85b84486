"""Which key of a backbone is which of ours, for the three published backbones.

``published`` and ``ours`` are prefixes that end in a dot, or nothing. No key of one
backbone looks like one of another, so the rules of all can stand in one list.
"""

from __future__ import annotations

from uninext.checkpoint.conversion.key_rule import KeyRule


def backbone_rules(published: str, ours: str) -> list[KeyRule]:
    """Rules of every backbone that a published UNINEXT checkpoint may have.

    Args:
        published: Prefix of the published keys.
        ours: Prefix of our keys.
    """
    return [
        *resnet_rules(published, ours),
        *convnext_rules(published, ours, norms_as_rows=True),
        *vit_rules(published, ours),
    ]


def resnet_rules(published: str, ours: str) -> list[KeyRule]:
    """Detectron2's ResNet with bottlenecks to ``mmdet.ResNet``."""
    rules = [
        KeyRule(f'{published}stem.conv1.weight', f'{ours}conv1.weight'),
        KeyRule(f'{published}stem.conv1.norm.{{bn}}', f'{ours}bn1.{{bn}}'),
    ]
    for stage in range(1, 5):
        theirs = f'{published}res{stage + 1}.{{i}}'
        block = f'{ours}layer{stage}.{{i}}'
        for n in (1, 2, 3):
            rules += [
                KeyRule(f'{theirs}.conv{n}.weight', f'{block}.conv{n}.weight'),
                KeyRule(f'{theirs}.conv{n}.norm.{{bn}}', f'{block}.bn{n}.{{bn}}'),
            ]
        rules += [
            KeyRule(f'{theirs}.shortcut.weight', f'{block}.downsample.0.weight'),
            KeyRule(f'{theirs}.shortcut.norm.{{bn}}', f'{block}.downsample.1.{{bn}}'),
        ]
    return rules


def convnext_rules(
    published: str, ours: str, norms_as_rows: bool = False
) -> list[KeyRule]:
    """The authors' ConvNeXt to ``mmpretrain.ConvNeXt``.

    Args:
        published: Prefix of the published keys.
        ours: Prefix of our keys.
        norms_as_rows: Whether normalisations and layer scales are kept as embeddings
            of one row, as in a UNINEXT checkpoint: ``.weight`` after the name, (1, C).
    """
    row = '.weight' if norms_as_rows else ''

    def vector(theirs: str, name: str) -> KeyRule:
        return KeyRule(
            f'{published}{theirs}{row}', f'{ours}{name}', as_row=norms_as_rows
        )

    def same(theirs: str, name: str) -> KeyRule:
        return KeyRule(f'{published}{theirs}', f'{ours}{name}')

    down, block = 'downsample_layers', 'stages.{i}.{j}'
    rules = [
        # the stem normalises after its convolution, the others before
        same(f'{down}.0.0.{{p}}', f'{down}.0.0.{{p}}'),
        vector(f'{down}.0.1.{{p}}', f'{down}.0.1.{{p}}'),
        same(f'{block}.dwconv.{{p}}', f'{block}.depthwise_conv.{{p}}'),
        vector(f'{block}.norm.{{p}}', f'{block}.norm.{{p}}'),
        same(f'{block}.pwconv1.{{p}}', f'{block}.pointwise_conv1.{{p}}'),
        same(f'{block}.pwconv2.{{p}}', f'{block}.pointwise_conv2.{{p}}'),
        vector(f'{block}.gamma', f'{block}.gamma'),
    ]
    for stage in (1, 2, 3):
        rules += [
            vector(f'{down}.{stage}.0.{{p}}', f'{down}.{stage}.0.{{p}}'),
            same(f'{down}.{stage}.1.{{p}}', f'{down}.{stage}.1.{{p}}'),
            # of the output of the stage
            vector(f'norm{stage}.{{p}}', f'norm{stage}.{{p}}'),
        ]
    return rules


def vit_rules(published: str, ours: str) -> list[KeyRule]:
    """A plain ViT as timm, MAE and ViTDet name it to ours.

    Ours is named as ``mmpretrain.ViTSAM``: ``patch_embed.projection``, ``layers.{i}``
    with ``ln1``, ``attn`` (``qkv``, ``proj``, ``rel_pos_h``, ``rel_pos_w``), ``ln2``,
    ``ffn`` (``layers.0.0``, ``layers.1``). ``pos_embed`` (1, 1 + 14 * 14, C) keeps the
    place of the class token, which the forward pass leaves out. ``upsample`` is the
    transposed convolution that makes the level of stride 8.
    """
    theirs, mine = f'{published}blocks.{{i}}', f'{ours}layers.{{i}}'
    return [
        KeyRule(f'{published}pos_embed', f'{ours}pos_embed'),
        KeyRule(
            f'{published}patch_embed.proj.{{p}}', f'{ours}patch_embed.projection.{{p}}'
        ),
        KeyRule(f'{theirs}.norm1.{{p}}', f'{mine}.ln1.{{p}}'),
        KeyRule(f'{theirs}.norm2.{{p}}', f'{mine}.ln2.{{p}}'),
        KeyRule(f'{theirs}.attn.qkv.{{p}}', f'{mine}.attn.qkv.{{p}}'),
        KeyRule(f'{theirs}.attn.proj.{{p}}', f'{mine}.attn.proj.{{p}}'),
        KeyRule(f'{theirs}.attn.rel_pos_{{axis}}', f'{mine}.attn.rel_pos_{{axis}}'),
        KeyRule(f'{theirs}.mlp.fc1.{{p}}', f'{mine}.ffn.layers.0.0.{{p}}'),
        KeyRule(f'{theirs}.mlp.fc2.{{p}}', f'{mine}.ffn.layers.1.{{p}}'),
        KeyRule(f'{published}fpn1.0.{{p}}', f'{ours}upsample.{{p}}'),
    ]
