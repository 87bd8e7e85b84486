"""Configs out of files: values are read, nothing is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from uninext.apis.carried_config import check_types, read_config_text

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'uninext'


def test_nothing_is_in_an_empty_text():
    assert read_config_text('') == {}


@pytest.mark.parametrize('name', ['stage3_video_shapes'])
def test_what_mmengine_writes_is_read_as_it_was(name):
    config = Config.fromfile(CONFIGS / f'{name}.py')
    assert read_config_text(config.pretty_text) == config.to_dict()


def test_values_keep_their_types():
    text = "a = dict(b=-1, c=(1.5, None), d=[True, {'x y': {1, 2}}])\nb = 'one' 'two'"
    found = read_config_text(text)
    assert found == {
        'a': {'b': -1, 'c': (1.5, None), 'd': [True, {'x y': {1, 2}}]},
        'b': 'onetwo',
    }
    assert isinstance(found['a']['c'], tuple)


@pytest.mark.parametrize(
    'text',
    [
        "import os\nos.system('touch ran')",
        "model = __import__('os').system('touch ran')",
        "model = dict(a=open('ran', 'w'))",
        'model = [x for x in (1, 2)]',
        'model = other',
        'model = dict(**{})',
        'model = dict([(1, 2)])',
        'model = {**{}}',
        "model = f'{1}'",
        'model = {[]: 1}',
        'a, b = 1, 2',
        'a.b = 1',
        'def f(): pass',
    ],
)
def test_all_else_is_refused_and_not_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match='no plain value, in line 1'):
        read_config_text(text)
    assert not list(tmp_path.iterdir())


def test_no_python_is_refused():
    with pytest.raises(ValueError, match='cannot be read'):
        read_config_text('model = dict(')


@pytest.mark.parametrize('kind', ['UNINEXT', 'mmpretrain.ConvNeXt', 'mmdet.ResNet'])
def test_types_of_registries_may_be_built(kind):
    check_types({'a': [dict(type=kind, b=dict(type=kind))]})


@pytest.mark.parametrize(
    'kind', ['subprocess.Popen', 'os.system', 'mmpretrain.a.b', 'mmdet.', '', 'a b']
)
def test_types_that_could_be_imported_are_refused(kind):
    with pytest.raises(ValueError, match=re.escape(repr(kind))):
        check_types(dict(model=[(dict(type='A', b=dict(type=kind)),)]))
