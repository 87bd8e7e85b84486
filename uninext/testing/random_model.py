"""The network of a config with random weights for a published checkpoint.

``parity`` compares what it computes.
"""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from torch import nn

from uninext.checkpoint import load_state
from uninext.checkpoint.conversion import from_published
from uninext.models.detectors import UNINEXTVideo
from uninext.registry import MODELS
from uninext.testing.random_weights import draw_state_dict, read_key_table

# part of a published key -> suffix of our config
BACKBONES = {
    '.backbone.stem.': '',
    '.backbone.downsample_layers.': '_convnext-l',
    '.backbone.patch_embed.': '_vit-h',
}


def config_suffix(table: str | Path) -> str:
    """What our configs of a key table's backbone end in: '', '_convnext-l' or '_vit-h'.

    Raises:
        ValueError: If the file is no key table, or of another backbone.
    """
    keys = [record.key for record in read_key_table(table)]
    for part, suffix in BACKBONES.items():
        if any(part in key for key in keys):
            return suffix
    raise ValueError(
        f'{table} names no backbone that was published (ResNet-50, ConvNeXt-L, ViT-H). '
        'Name the config of its model: --config.'
    )


def build_random_model(config: str | Path, table: str | Path, seed: int) -> nn.Module:
    """Build a config's model for evaluation, all its weights random by a key table.

    Raises:
        ValueError: If the config has no model, or the weights do not fit it
            (``FileError``).
    """
    cfg = Config.fromfile(config)
    if 'model' not in cfg:
        raise ValueError(f'{config} has no "model".')
    model = MODELS.build(cfg.model)
    is_image_model = not isinstance(model, UNINEXTVideo)
    state, _ = from_published(draw_state_dict(table, seed), drop_video=is_image_model)
    load_state(model, state, source=f'What is drawn for {Path(table).name}')
    return model.eval()
