"""Which config a published key table belongs to, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from uninext.testing.random_model import build_random_model, config_suffix

PREFIX = 'detr.detr.backbone.0.backbone.'
CONFIGS = Path(__file__).resolve().parents[2] / 'configs/uninext'


def table(folder: Path, *keys: str) -> Path:
    path = folder / 'table.tsv'
    path.write_text(''.join(f'{key}\t(2,)\tfloat32\t\n' for key in keys))
    return path


@pytest.mark.parametrize(
    ('key', 'suffix'),
    [
        ('stem.conv1.weight', ''),
        ('downsample_layers.0.0.bias', '_convnext-l'),
        ('patch_embed.proj.bias', '_vit-h'),
    ],
)
def test_the_backbone_is_read_from_the_keys(tmp_path, key, suffix) -> None:
    assert config_suffix(table(tmp_path, 'other', PREFIX + key)) == suffix


def test_another_backbone(tmp_path) -> None:
    with pytest.raises(ValueError, match='names no backbone .*--config'):
        config_suffix(table(tmp_path, PREFIX + 'swin.weight'))


@pytest.mark.parametrize('name', ['r50_stage2', 'convnext-l_stage3', 'vit-h_stage3'])
def test_published_tables(parity_dir, name) -> None:
    suffix = config_suffix(parity_dir / f'official_{name}.tsv')
    assert suffix == {'r': '', 'c': '_convnext-l', 'v': '_vit-h'}[name[0]]


def test_what_does_not_fit_is_told_in_short(tmp_path) -> None:
    path = table(tmp_path, 'detr.detr.transformer.level_embed')
    with pytest.raises(ValueError, match=r'missing \(\d+\): .*and \d+ more') as error:
        build_random_model(CONFIGS / 'stage2_image_tiny.py', path, 0)
    message = str(error.value)
    assert 'misshapen (1): level_embed ' in message
    assert 'unexpected' not in message
    assert len(message) < 1000
