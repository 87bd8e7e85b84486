"""Options that change results: refused with a reason, near float32, off by default."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
import torch

from helpers.small_uninext import (
    QUERIES,
    build,
    images,
    names,
    predict,
    sample,
    small_config,
)
from uninext.models import speed_options
from uninext.models.speed_options import SpeedOptions, given_speed
from uninext.utils.defaults import PRECISIONS

PETS = names('dog', 'cat')


@pytest.fixture(autouse=True)
def _no_grad():
    with torch.no_grad():
        yield


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build(small_config()).eval()


def raw(model):
    """What one row finds, before anything is chosen."""
    given = sample(PETS, 0, (48, 64))
    torch.manual_seed(1)
    inputs = images([given])
    pyramid = model.build_pyramid(model.extract_feat(inputs), [given])
    (rows,) = model.passes([PETS], max_rows=4)
    return model.find(pyramid, rows, [0])[0]


# ---------------------------------------------------------------------------- defaults


def test_nothing_is_given():
    options, rest = SpeedOptions.split({})
    assert options == SpeedOptions(precision='float32', num_queries=None, compile=False)
    assert rest == {}
    assert given_speed(None, None, None) == {}


def test_options_of_a_config_are_parted(model):
    given = dict(max_per_img=3, precision='bf16', num_queries=7)
    options, rest = SpeedOptions.split(given)
    assert options == SpeedOptions(**given_speed('bf16', 7, None))
    assert rest == dict(max_per_img=3)
    assert build(small_config(test_cfg=given)).speed == options


def test_defaults_change_no_bit(model):
    before = raw(model)
    model.set_speed(precision='bf16', num_queries=5)
    model.set_speed(precision='float32', num_queries=None)
    after = raw(model)
    assert torch.equal(before.logits, after.logits)
    assert torch.equal(before.boxes_cxcywh, after.boxes_cxcywh)
    assert torch.equal(before.mask_feat, after.mask_feat)


# ----------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(precision='half'), r"precision must be one of \('float32'.*got 'half'"),
        (dict(num_queries=0), 'num_queries must be a number from 1.*got 0'),
        (dict(num_queries=2.5), 'num_queries must be a number from 1.*got 2.5'),
        (dict(num_queries=True), 'num_queries must be a number from 1.*got True'),
        (dict(compile='max'), "compile must be True or False, got 'max'"),
        (dict(num_queries=QUERIES + 1), rf'in 1\.\.{QUERIES}.*got {QUERIES + 1}'),
    ],
)
def test_values_that_are_none(model, given, message):
    with pytest.raises(ValueError, match=message):
        build(small_config(test_cfg=given))
    before = model.speed
    with pytest.raises(ValueError, match=message):
        model.set_speed(**given)
    assert model.speed is before


def test_fp16_is_for_gpus(model):
    with pytest.raises(ValueError, match="precision='fp16': .*Take 'bf16'"):
        model.set_speed(precision='fp16')
    of_a_config = build(small_config(test_cfg=dict(precision='fp16'))).eval()
    with pytest.raises(ValueError, match="Take 'bf16'"):  # it might go to a GPU
        raw(of_a_config)
    for precision in set(PRECISIONS) - {'fp16'}:
        SpeedOptions(precision).check('cpu')


def test_a_device_that_cannot_mix(monkeypatch):
    monkeypatch.setattr('torch.amp.is_autocast_available', lambda device: False)
    speed_options._why_no_precision.cache_clear()
    with pytest.raises(ValueError, match="on 'cpu'. Take 'float32'"):
        SpeedOptions('bf16').check('cpu')
    SpeedOptions().check('cpu')
    speed_options._why_no_precision.cache_clear()


@pytest.mark.parametrize('has_it', [True, False])
def test_a_processor_without_bf16_is_told_of(monkeypatch, recwarn, has_it):
    known = dict(avx2=True, avx512_bf16=has_it)
    monkeypatch.setattr('torch.cpu.get_capabilities', lambda: known, raising=False)
    speed_options._why_no_precision.cache_clear()
    SpeedOptions('bf16').check('cpu')
    assert ['no instructions for it' in str(w.message) for w in recwarn] == [True] * (
        not has_it
    )
    speed_options._why_no_precision.cache_clear()


@pytest.mark.parametrize('absent', ['compiler', 'header'])
def test_compile_needs_a_compiler_and_headers(model, monkeypatch, tmp_path, absent):
    monkeypatch.delenv('CXX', raising=False)
    found = None if absent == 'compiler' else 'there'
    monkeypatch.setattr('shutil.which', lambda name: found)
    monkeypatch.setattr('sysconfig.get_path', lambda name: str(tmp_path))
    message = r'compiler of C\+\+' if found is None else r'Python\.h, which is not here'
    with pytest.raises(ValueError, match=message):
        model.set_speed(compile=True)
    model.set_speed(compile=False)
    with pytest.raises(ValueError, match=message):
        build(small_config(test_cfg=dict(compile=True))).eval()


# --------------------------------------------------------------------------- precision


def test_bf16_is_near_float32_and_results_are_float32(model):
    exact = raw(model)
    model.set_speed(precision='bf16')
    half = raw(model)
    for name in ('logits', 'ious', 'boxes_cxcywh', 'query', 'centres_xy'):
        assert getattr(half, name).dtype == torch.float32, name
    assert not torch.equal(half.query, exact.query)
    scores = [found.name_scores(with_iou=True).sort(0)[0] for found in (exact, half)]
    torch.testing.assert_close(*scores, atol=0.02, rtol=0)


def test_convolutions_and_layers_run_in_bf16_fusion_does_not(model):
    model.set_speed(precision='bf16')
    seen = {}
    hooks = dict(
        conv=model.neck.convs[0].conv,
        linear=model.encoder.layers[0].ffn.layers[1],
        fusion=model.fusion_neck,
    )
    for name, module in hooks.items():

        def note(_, args, out, name=name):
            seen[name] = (out[0] if isinstance(out, tuple) else out).dtype

        module.register_forward_hook(note)
    raw(model)
    assert seen == dict(
        conv=torch.bfloat16, linear=torch.bfloat16, fusion=torch.float32
    )


def test_training_is_as_its_optimizer_says():
    exact, half = (
        build(small_config(test_cfg=dict(test_cfg)))
        for test_cfg in ({}, dict(precision='bf16', num_queries=5))
    )
    half.load_state_dict(exact.state_dict())
    given = sample(PETS, 2, (48, 64))
    losses = []
    for model in (exact, half):
        torch.manual_seed(0)
        model.train()
        losses.append(model.loss(images([given]), [copy.deepcopy(given)]))
    assert losses[0].keys() == losses[1].keys()
    for name, value in losses[0].items():
        assert torch.equal(value, losses[1][name]), name


# ------------------------------------------------------------------------- num_queries


def test_fewer_queries_are_the_most_promising(model):
    every = raw(model)
    model.set_speed(num_queries=5)
    few = raw(model)
    assert every.logits.shape[0] == QUERIES
    assert few.logits.shape[0] == 5
    torch.manual_seed(0)
    as_built = build(small_config(query_selector=dict(num_queries=5))).eval()
    state = model.state_dict()
    key = 'query_selector.query_embedding.weight'
    as_built.load_state_dict({**state, key: state[key][:5]})
    torch.testing.assert_close(few.logits, raw(as_built).logits)
    torch.testing.assert_close(few.boxes_cxcywh, raw(as_built).boxes_cxcywh)


def test_all_queries_are_none(model):
    given = sample(PETS, 0, (48, 64))
    inputs = images([given])
    (every,) = predict(model, inputs, [given])
    model.set_speed(num_queries=QUERIES)
    (same,) = predict(model, inputs, [given])
    assert np.array_equal(every.scores, same.scores)


# ----------------------------------------------------------------------------- compile


def test_layers_are_compiled_at_test_alone(model):
    layers = [*model.encoder.layers, *model.decoder.layers]

    def compiled():
        return {layer._compiled_call_impl is not None for layer in layers}

    assert compiled() == {False}
    model.set_speed(compile=True)
    assert compiled() == {True}
    assert hasattr(speed_options.KeyTable.attend, '_torchdynamo_disable')
    model.train()
    assert compiled() == {False}
    model.eval()
    assert compiled() == {True}
    model.set_speed(compile=False)
    assert compiled() == {False}


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform == 'win32' or speed_options._why_no_compiler() is not None,
    reason='there is no compiler here',
)
def test_compiled_layers_find_the_same(model, monkeypatch):
    """Without vector instructions: PyTorch compiles six programs to see which work."""
    known = 'torch._inductor.cpu_vec_isa.valid_vec_isa_list'
    monkeypatch.setattr(known, list, raising=False)
    exact = raw(model)
    model.set_speed(compile=True)
    compiled = raw(model)
    torch.testing.assert_close(compiled.logits, exact.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        compiled.boxes_cxcywh, exact.boxes_cxcywh, atol=1e-4, rtol=1e-4
    )
