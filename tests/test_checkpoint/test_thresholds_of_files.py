"""Thresholds in files of weights."""

from __future__ import annotations

import pytest
import torch

from uninext.checkpoint import load_file, read_meta, save_file
from uninext.checkpoint.thresholds import (
    THRESHOLDS_KEY,
    carried_thresholds,
    store_thresholds,
)
from uninext.utils.files import FileError


def test_a_file_without_any():
    assert carried_thresholds({}, 'a.pth') == {}


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_all_else_stays_as_it_is(tmp_path, suffix):
    source, target = tmp_path / f'a{suffix}', tmp_path / f'b{suffix}'
    content = dict(state_dict=dict(x=torch.rand(3)), meta=dict(config='c.py'))
    if suffix == '.pth':
        content['optimizer'] = dict(lr=0.1)
    save_file(content, source)
    before = load_file(source)
    store_thresholds(source, target, dict(expression=0.1))
    store_thresholds(target, target, dict(category=1 / 3))
    after = load_file(target)
    stored = carried_thresholds(read_meta(target), str(target))
    assert stored == dict(expression=0.1, category=1 / 3)
    assert carried_thresholds(read_meta(source), str(source)) == {}
    del after['meta'][THRESHOLDS_KEY]
    assert torch.equal(after['state_dict'].pop('x'), before['state_dict'].pop('x'))
    assert after == before


def test_weights_alone_get_metadata(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(x=torch.ones(2)), path)
    store_thresholds(path, path, dict(target=0.5))
    assert carried_thresholds(read_meta(path), 'a') == dict(target=0.5)
    assert load_file(path)['state_dict']['x'].tolist() == [1, 1]


def test_content_keeps_its_suffix(tmp_path):
    with pytest.raises(ValueError, match=r'must end in \.pth'):
        store_thresholds(tmp_path / 'a.pth', tmp_path / 'b.safetensors', {})


@pytest.mark.parametrize(
    'wrong',
    ['{', '[]', '{"box": 0.5}', '{"target": 2}', '{"target": null}', '{"target": NaN}'],
)
def test_what_cannot_be_used_is_refused(wrong):
    with pytest.raises(FileError, match='a.pth carries thresholds that cannot be used'):
        carried_thresholds({THRESHOLDS_KEY: wrong}, 'a.pth')
    assert carried_thresholds({THRESHOLDS_KEY: '{}'}, 'a.pth') == {}
