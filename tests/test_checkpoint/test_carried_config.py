"""Configs out of files of weights: values are read, nothing is run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from uninext.checkpoint.carried_config import (
    carried_config,
    carried_meta,
    check_types,
)
from uninext.utils.files import FileError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'uninext'


def test_a_file_that_carries_none():
    assert carried_config({}, 'a.pth') is None
    assert carried_config({'cfg': 'import os', 'config': 'mine.py'}, 'a.pth') is None


def test_what_is_written_is_read():
    """All of a config; JSON has lists in place of tuples."""
    config = Config.fromfile(CONFIGS / 'stage3_video_shapes.py')
    found = carried_config(carried_meta(config), 'a.pth')
    assert found == json.loads(json.dumps(config.to_dict()))
    assert found['model']['type'] == 'UNINEXTVideo'


@pytest.mark.parametrize(
    'text', ['', '{', '[]', '1', '{}', '{"model": 3}', '[' * 10**5]
)
def test_no_config_is_refused(text):
    with pytest.raises(FileError, match=r'a\.pth carries a config without a model'):
        carried_config({'config_json': text}, 'a.pth')


@pytest.mark.parametrize('kind', ['UNINEXT', 'mmpretrain.ConvNeXt', 'mmdet.ResNet'])
def test_types_of_registries_may_be_built(kind):
    check_types({'a': [dict(type=kind, b=dict(type=kind))]})


@pytest.mark.parametrize(
    'kind', ['subprocess.Popen', 'os.system', 'mmpretrain.a.b', 'mmdet.', '', 'a b']
)
def test_types_that_could_be_imported_are_refused(kind):
    with pytest.raises(ValueError, match=re.escape(repr(kind))):
        check_types(dict(model=[(dict(type='A', b=dict(type=kind)),)]))


def test_a_class_is_no_plain_value():
    meta = carried_meta(dict(model=dict(type=dict)))
    with pytest.raises(FileError, match="not used.*class 'dict'"):
        carried_config(meta, 'a.pth')
