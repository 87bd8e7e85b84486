from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from helpers.tools import load_tool
from uninext.checkpoint.conversion import (
    config_of,
    convert_file,
)
from uninext.checkpoint.io import load_file, state_dict_of

REF = 'ref_backbone'
TOOL = 'tools/model_converters/official_to_uninext.py'
PUBLISHED = OrderedDict(
    [
        ('detr.detr.transformer.level_embed', torch.arange(4.0)),
        ('criterion._iter', torch.zeros(1)),
    ]
)


def load_state_dict_file(path: Path) -> dict[str, torch.Tensor]:
    return state_dict_of(load_file(path), str(path), published=True)


@pytest.fixture
def published_file(tmp_path) -> Path:
    path = tmp_path / 'trainer.pth'
    rest = {'optimizer': {'state': {0: torch.ones(1)}}, 'scheduler': {}, 'iteration': 7}
    torch.save({'model': PUBLISHED, **rest}, path)
    return path


def test_convert_there_and_back(tmp_path, published_file) -> None:
    ours, back = tmp_path / 'sub' / 'ours.pth', tmp_path / 'back.pth'
    report = convert_file(published_file, ours)
    assert len(report.mapped) == 2
    content = torch.load(ours, weights_only=True)
    assert list(content['state_dict']) == ['level_embed', 'mask_head.warmup_step']
    digest = hashlib.sha256(published_file.read_bytes()).hexdigest()
    assert content['meta']['source_sha256'] == digest
    convert_file(ours, back, reverse=True)
    again = torch.load(back, weights_only=True)['model']
    assert all(torch.equal(again[k], v) for k, v in PUBLISHED.items())
    assert sorted(p.name for p in tmp_path.rglob('*') if p.name.startswith('.')) == []


def test_other_wrong_inputs(tmp_path, published_file) -> None:
    with pytest.raises(ValueError, match='same file'):
        convert_file(published_file, published_file)
    with pytest.raises(ValueError, match='is a folder'):
        convert_file(published_file, tmp_path)


def test_tool_reports_every_key_on_demand(tmp_path, published_file, capsys) -> None:
    tool = load_tool(TOOL)
    target = str(tmp_path / 'ours.pth')
    assert tool.main([str(published_file), target, '--no-check', '--verbose']) == 0
    out = capsys.readouterr().out
    assert 'mapped   criterion._iter -> mask_head.warmup_step' in out
    assert '2 mapped' in out
    assert tool.main([target, str(tmp_path / 'b.pth')]) == 2
    assert 'keys have no place' in capsys.readouterr().err
    back = [target, str(tmp_path / 'b.pth'), '--reverse', '--no-check']
    assert tool.main(back) == 0
    out = capsys.readouterr().out
    assert 'mapped   ' not in out and '2 mapped' in out


def test_safetensors_there_and_back(tmp_path, published_file) -> None:
    ours, back = tmp_path / 'ours.safetensors', tmp_path / 'back.safetensors'
    convert_file(published_file, ours, config='my_config')
    content = load_file(ours)
    assert content['meta']['config'] == 'my_config'
    assert content['meta']['source_stage'] == 'image'
    convert_file(ours, back, reverse=True)
    again = load_state_dict_file(back)
    assert again.keys() == PUBLISHED.keys()
    assert all(torch.equal(again[k], v) for k, v in PUBLISHED.items())


def test_file_to_video(tmp_path) -> None:
    stem = 'detr.detr.backbone.0.backbone.stem.conv1.weight'
    source, ours, back = (tmp_path / f'{n}.pth' for n in ('a', 'ours', 'back'))
    torch.save({stem: torch.ones(2, 3, 1, 1)}, source)
    report = convert_file(source, ours, to_video=True)
    template = 'visual_prompt_generator.backbone.conv1.weight'
    assert [key for key, _ in report.added] == [template]
    content = torch.load(ours, weights_only=True)
    assert content['state_dict'][template].shape == (2, 4, 1, 1)
    assert content['meta']['config'] == 'stage3_video'
    convert_file(source, ours)
    convert_file(ours, back, reverse=True, to_video=True)
    assert set(load_state_dict_file(back)) == {stem, stem.replace('backbone', REF, 1)}


def test_file_of_a_backbone(tmp_path) -> None:
    source, ours = tmp_path / 'convnext.pth', tmp_path / 'ours.pth'
    torch.save({'model': {'stages.0.0.dwconv.weight': torch.ones(1)}}, source)
    report = convert_file(source, ours, backbone_only=True)
    assert report.summary() == 'ConvNeXt: 1 mapped, 0 aliases, 0 dropped, 0 added'
    assert list(load_state_dict_file(ours)) == ['stages.0.0.depthwise_conv.weight']
    assert 'config' not in load_file(ours)['meta']


@pytest.mark.parametrize(
    ('keys', 'config'),
    [
        (['backbone.conv1.weight'], 'stage2_image'),
        (['backbone.layer1.0.conv1.weight', 'embed_head.x'], 'stage3_video'),
        (['backbone.stages.0.0.gamma'], 'stage2_image_convnext-l'),
        (['backbone.layers.0.ln1.bias', 'embed_head.x'], 'stage3_video_vit-h'),
    ],
)
def test_config_by_keys(keys, config) -> None:
    assert config_of(dict.fromkeys(keys)) == config


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(backbone_only=True, reverse=True), 'backbone-only alone'),
        (dict(image_only=True, to_video=True), 'neither'),
    ],
)
def test_options_that_contradict(tmp_path, published_file, options, match) -> None:
    with pytest.raises(ValueError, match=match):
        convert_file(published_file, tmp_path / 'x.pth', **options)


def test_pickles_of_detectron2_are_refused(tmp_path) -> None:
    path = tmp_path / 'R-50.pkl'
    path.write_bytes(b'any')
    with pytest.raises(ValueError, match='can run any code.*torchvision://resnet50'):
        convert_file(path, tmp_path / 'x.pth', backbone_only=True)
