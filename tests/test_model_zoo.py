"""Models by name, path, config or file of weights: what is meant, and what is said."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

import uninext
from uninext.checkpoint.carried_config import carried_meta
from uninext.checkpoint.io import save_file
from uninext.model_zoo import (
    DEFAULT_MODEL,
    MODEL_ZOO,
    NamedModel,
    build_uninext,
    config_of_checkpoint,
    resolve_model,
    tell_unlearned,
)
from uninext.shapes.expressions import MOTIONS
from uninext.shapes.taxonomies import TAXONOMIES
from uninext.shapes.vocabulary import CATEGORIES
from uninext.utils.config_files import config_path
from uninext.utils.files import FileError
from uninext.utils.inference_scale import InferenceScale

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
TINY = 'uninext/stage3_video_tiny.py'
RESIZE = dict(type='Resize', scale=(64, 48), keep_ratio=True, backend='pillow')
NETWORK = dict(type='UNINEXT', backbone=dict(type='MobileNetV2', out_indices=[2, 4]))


@pytest.fixture
def weights(tmp_path) -> Path:
    """A file of weights that tells nothing."""
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': {'a': torch.zeros(1)}}, path)
    return path


def file_with(meta: dict, path: Path) -> Path:
    save_file({'state_dict': {'a': torch.zeros(1)}, 'meta': meta}, path)
    return path


# ------------------------------------------------------------------- configs by name


@pytest.mark.parametrize(
    'name',
    [
        'uninext/stage2_image.py',
        'uninext/stage2_image',
        'stage2_image',
        'stage2_image.py',
        'configs/uninext/stage2_image.py',
        './configs/uninext/stage2_image.py',
        Path('uninext') / 'stage2_image.py',
    ],
)
def test_a_config_has_these_names(name):
    assert config_path(name) == CONFIGS / 'uninext' / 'stage2_image.py'


def test_every_config_is_found_by_its_file_name():
    files = [p for p in CONFIGS.rglob('*.py') if '_base_' not in p.parts]
    assert [config_path(path.name) for path in files] == files


def test_the_working_folder_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_path('od_shapes') == CONFIGS / 'uninext' / 'eval' / 'od_shapes.py'


def test_in_a_wheel_configs_are_those_it_brings(tmp_path, monkeypatch):
    package = tmp_path / 'uninext'
    inside = package / '.mim' / 'configs' / 'uninext' / 'mine.py'
    inside.parent.mkdir(parents=True)
    inside.write_text('')
    (tmp_path / 'configs').mkdir()  # of somebody else
    monkeypatch.setattr(uninext, '__file__', str(package / '__init__.py'))
    assert config_path('mine') == inside
    with pytest.raises(ValueError, match='There is no config'):
        config_path('stage2_image')


@pytest.mark.parametrize(
    ('name', 'close'),
    [
        ('stage2_imge', 'uninext/stage2_image'),
        ('uninext/stage3_vido.py', 'uninext/stage3_video'),
    ],
)
def test_a_misspelt_config_is_answered_with_its_neighbours(name, close):
    with pytest.raises(ValueError, match=f'Did you mean .*{close}'):
        config_path(name)


def test_bases_are_no_configs():
    with pytest.raises(ValueError, match='There is no config'):
        config_path('_base_/default_runtime.py')


# -------------------------------------------------------------------------- resolving


def test_the_names_point_at_configs_that_are_there():
    assert DEFAULT_MODEL in MODEL_ZOO
    for named in MODEL_ZOO.values():
        assert Config.fromfile(config_path(named.config)).model
        assert named.checkpoint.parent == Path(uninext.__file__).parent / 'assets'


@pytest.mark.parametrize('asked', [(), ('uninext_tiny',), (None, None)])
def test_nothing_means_the_default(asked, weights, monkeypatch):
    named = NamedModel('uninext/stage2_image_shapes.py', weights, '')
    monkeypatch.setitem(MODEL_ZOO, DEFAULT_MODEL, named)
    config, path = resolve_model(*asked)
    assert path == weights
    assert Path(config.filename) == config_path(named.config)


def test_other_weights_for_a_name(weights):
    config, path = resolve_model('uninext_tiny', weights)
    assert path == weights
    assert config.model.type == 'UNINEXTVideo'


def test_weights_that_are_not_in_this_installation(tmp_path, monkeypatch):
    absent = tmp_path / 'uninext_tiny.safetensors'
    monkeypatch.setitem(MODEL_ZOO, 'gone', NamedModel(TINY, absent, ''))
    with pytest.raises(FileError, match='not in this installation'):
        resolve_model('gone')


@pytest.mark.parametrize(
    'model', [TINY, 'stage3_video_tiny', CONFIGS / TINY, str(CONFIGS / TINY)]
)
def test_a_config_by_path_and_by_name(model, weights):
    config, path = resolve_model(model, str(weights))
    assert path == weights
    assert Path(config.filename) == CONFIGS / TINY


def test_a_config_is_taken_as_it_is(weights):
    config = Config(dict(model=NETWORK))
    assert resolve_model(config, weights) == (config, weights)


def test_a_home_folder(weights, monkeypatch):
    monkeypatch.setenv('HOME', str(weights.parent))
    assert resolve_model(TINY, '~/weights.pth')[1] == weights


def test_an_address_is_fetched(weights, monkeypatch):
    address = 'https://example.com/deep/weights.pth'
    module = sys.modules['uninext.checkpoint.io']
    monkeypatch.setattr(module, '_fetch', {address: weights}.__getitem__)
    assert resolve_model(TINY, address)[1] == weights


@pytest.mark.parametrize(
    ('model', 'message'),
    [
        ('uninext_tny', "Did you mean 'uninext_tiny'.* Models by name: uninext_tiny"),
        ('stage2_imge', "Did you mean 'uninext/stage2_image'"),
        ('qqq', "There is no model 'qqq'. Models by name: uninext_tiny. Else pass"),
        ('nowhere.pth', "There is no checkpoint 'nowhere.pth'"),
        (ROOT / 'README.md', 'neither a config'),
        (TINY, 'A config without weights finds nothing'),
        (Config(dict(model=NETWORK)), "its own: 'uninext_tiny'"),
        (Config({}), 'the config has None'),
        (Config(dict(model=dict(type='DINO'))), "the config has 'DINO'"),
        (CONFIGS / '_base_' / 'default_runtime.py', 'the config has None'),
    ],
)
def test_what_is_said_when_nothing_is_meant(model, message):
    with pytest.raises(ValueError, match=message):
        resolve_model(model)


def test_two_files_of_weights(weights):
    with pytest.raises(ValueError, match='Two files of weights'):
        resolve_model(weights, weights)


# ------------------------------------------------------------ what files of weights say


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_the_name_in_the_metadata(suffix, tmp_path):
    path = file_with({'config': TINY}, tmp_path / f'a{suffix}')
    for asked in ((path,), (None, path)):
        config, found = resolve_model(*asked)
        assert found == path
        assert Path(config.filename) == CONFIGS / TINY


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_the_config_in_the_metadata(suffix, tmp_path):
    loader = dict(dataset=dict(pipeline=[RESIZE]))
    meta = carried_meta(dict(model=NETWORK, test_dataloader=loader))
    path = file_with({'config': 'mine.py', **meta}, tmp_path / f'a{suffix}')
    config = config_of_checkpoint(path)
    assert config.model == NETWORK
    assert InferenceScale(config).for_images() == (64, 48)


@pytest.mark.parametrize(
    ('meta', 'message'),
    [
        ({}, 'does not tell which config'),
        (
            {'config': 'uninext/of_mine.py'},
            "belongs to the config 'uninext/of_mine.py'",
        ),
        ({'cfg': 'import os'}, 'does not tell which config'),
        (carried_meta(dict(model=dict(type='os.system'))), "the type 'os.system'"),
        (carried_meta(dict(optimizer=1)), 'a config without a model'),
        (carried_meta(dict(model='UNINEXT')), 'a config without a model'),
    ],
)
def test_files_that_cannot_be_used_alone(meta, message, tmp_path):
    path = file_with(meta, tmp_path / 'a.safetensors')
    with pytest.raises(FileError, match=message):
        resolve_model(path)


def test_a_damaged_file(tmp_path):
    path = tmp_path / 'a.safetensors'
    path.write_bytes(b'no')
    with pytest.raises(FileError, match='damaged or cut short'):
        resolve_model(path)


# -------------------------------------------------------------- what a model was taught


LEARNED = MODEL_ZOO[DEFAULT_MODEL].learned


def test_the_shipped_model_learned_all_words_of_shapes():
    assert LEARNED.categories == CATEGORIES
    names = [name for taxonomy in TAXONOMIES.values() for name in taxonomy.names]
    names += [f'the object that {motion}' for motion in MOTIONS]
    used = {word for name in names for word in name.split()}
    assert used <= LEARNED.words.union(CATEGORIES)
    assert LEARNED.remark(names) is None


@pytest.mark.parametrize(
    ('names', 'unlearned'),
    [
        ([], ''),
        (['car', 'person'], "'car', 'person'"),
        (['car', 'Stars'], "'car'"),
        (['the man with the earring'], "'the man with the earring'"),
        (['the largest of the crosses'], ''),
        (['red', 'left of'], ''),
        (['red car'], "'red car'"),
        (['x' * 999], "'xxxxxxxxxxxx...xxxxxxxxxxxxx'"),
        (['\U0001f600'], ''),  # the vocabulary has no token of it: told by itself
    ],
)
def test_who_asks_for_what_a_model_never_learned_is_told(names, unlearned):
    remark = LEARNED.remark(names)
    assert (remark is None) == (not unlearned)
    assert not unlearned or f'never learned {unlearned}: it was trained' in remark


@pytest.mark.parametrize(
    ('model', 'checkpoint', 'is_known'),
    [
        (None, None, True),
        (DEFAULT_MODEL, None, True),
        (None, 'mine.pth', False),
        (DEFAULT_MODEL, 'mine.pth', False),
        ('stage3_video', 'mine.pth', False),
        ('mine.pth', None, False),
    ],
)
def test_of_own_weights_nothing_is_known(model, checkpoint, is_known):
    network = SimpleNamespace(prompt_generator=SimpleNamespace(learned=None))
    tell_unlearned(network, model, checkpoint)
    assert network.prompt_generator.learned == (LEARNED if is_known else None)


# --------------------------------------------------------------------------- building


@pytest.mark.parametrize(
    ('change', 'message'),
    [({'type': 'WasRenamed'}, 'WasRenamed is not in'), ({'was': 1}, "argument 'was'")],
)
def test_parts_of_another_version(change, message):
    config = Config.fromfile(config_path(TINY))
    config.model.backbone.update(change)
    with pytest.raises(ValueError, match=f'{message}.*another version of uninext'):
        build_uninext(config)


def test_only_the_kinds_that_are_wanted():
    with pytest.raises(ValueError, match="UNINEXTVideo is needed here; .*'UNINEXT'"):
        build_uninext(Config(dict(model=NETWORK)), 'UNINEXTVideo')
