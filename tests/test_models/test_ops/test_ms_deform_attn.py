from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import warnings
from functools import cache
from types import ModuleType

import pytest
import torch

from uninext.models.ops import (
    MSDeformAttention,
    deform_attn_backend,
    ms_deform_attn,
)

module = importlib.import_module('uninext.models.ops.ms_deform_attn')

SIZES = ((3, 4), (2, 2))
SHAPES = torch.tensor(SIZES)
STARTS = torch.tensor([0, 12])
HAS_EXTRA = importlib.util.find_spec('torch_ms_deform_attn') is not None
BACKENDS = [
    'bags',
    'pytorch',
    pytest.param(
        'extra', marks=pytest.mark.skipif(not HAS_EXTRA, reason='extra is absent')
    ),
]


def test_what_the_op_of_a_package_is_given(monkeypatch):
    """Contiguous numbers, in the order of mmcv's op; its answer is ours."""
    package = ModuleType('torch_ms_deform_attn')
    package.ms_deform_attn = lambda *args: args
    monkeypatch.setitem(sys.modules, 'torch_ms_deform_attn', package)
    value, where, weights = (torch.rand(3, 2).T for _ in range(3))
    args = module._run_compiled('extra', value, SHAPES, STARTS, where, weights)
    for got, given in zip(args, (value, SHAPES, STARTS, where, weights)):
        assert torch.equal(got, given)
        assert got.is_contiguous()
    assert len(args) == 5


@pytest.fixture
def force(monkeypatch):
    def forget() -> None:
        module._why_not.cache_clear()
        module._fastest.cache_clear()

    def use(name: str) -> None:
        monkeypatch.setenv('UNINEXT_DEFORM_ATTN', name)
        forget()

    yield use
    forget()


@pytest.fixture
def install(monkeypatch):
    """Pretend that packages are there; each maps device types to errors of its op."""

    def pretend(**packages: dict[str, Exception]) -> None:
        def run(backend, value, *args):
            error = packages[backend].get(value.device.type)
            if error is not None:
                raise error
            return value

        there = {'bags', *packages}
        monkeypatch.setattr(module, '_is_installed', lambda name: name in there)
        monkeypatch.setattr(module, '_run_compiled', run)

    return pretend


def inputs(batch=2, queries=2, heads=2, dims=3, points=2):
    value = torch.randn(batch, 16, heads, dims)
    # some points lie outside the map
    locations = torch.rand(batch, queries, heads, 2, points, 2) * 1.6 - 0.3
    weights = torch.rand(batch, queries, heads, 2, points)
    weights = weights / weights.sum((-1, -2), keepdim=True)
    return value, locations, weights


def pixel(level, y: int, x: int):
    inside = 0 <= y < level.shape[0] and 0 <= x < level.shape[1]
    return level[y, x] if inside else torch.zeros_like(level[0, 0])


def bilinear(level, x: float, y: float):
    """Sample (H, W, D) at 0..1 coordinates; cell centres are at half integers."""
    px, py = x * level.shape[1] - 0.5, y * level.shape[0] - 0.5
    x0, y0 = math.floor(px), math.floor(py)
    fx, fy = px - x0, py - y0
    return (
        (1 - fy) * (1 - fx) * pixel(level, y0, x0)
        + (1 - fy) * fx * pixel(level, y0, x0 + 1)
        + fy * (1 - fx) * pixel(level, y0 + 1, x0)
        + fy * fx * pixel(level, y0 + 1, x0 + 1)
    )


def brute_force(value, locations, weights):
    batch, queries, heads, levels, points, _ = locations.shape
    out = torch.zeros(batch, queries, heads, value.shape[-1])
    for b in range(batch):
        for q in range(queries):
            for m in range(heads):
                for level, (h, w) in enumerate(SHAPES.tolist()):
                    start = STARTS[level].item()
                    grid = value[b, start : start + h * w, m].view(h, w, -1)
                    for p in range(points):
                        x, y = locations[b, q, m, level, p].tolist()
                        sampled = bilinear(grid, x, y)
                        out[b, q, m] += weights[b, q, m, level, p] * sampled
    return out.flatten(2)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('batch', [1, 3])
def test_equals_explicit_loops(force, backend, batch):
    force(backend)
    value, locations, weights = inputs(batch)
    output = ms_deform_attn(value, SHAPES, STARTS, locations, weights, SIZES)
    assert output.shape == (batch, 2, 6)
    expected = brute_force(value, locations, weights)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('backend', BACKENDS)
def test_backends_have_equal_gradients(force, backend):
    given = inputs(queries=5)
    cotangent = torch.randn(2, 5, 6)
    gradients = {}
    for name in ('pytorch', backend):
        force(name)
        value, locations, weights = (x.clone().requires_grad_() for x in given)
        output = ms_deform_attn(value, SHAPES, STARTS, locations, weights, SIZES)
        gradients[name] = torch.autograd.grad(
            (output * cotangent).sum(), (value, locations, weights)
        )
    for ours, theirs in zip(gradients['pytorch'], gradients[backend]):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_unknown_backend_is_refused(force):
    force('fast')
    with pytest.raises(ValueError, match="'fast' is unknown.*'bags', 'extra'"):
        deform_attn_backend('cpu')


def test_variable_forces_a_backend(force, install, monkeypatch):
    """Whenever it is set: nothing of an earlier call is left."""
    install(extra={})
    force('')
    assert deform_attn_backend('cpu') == 'bags'
    monkeypatch.setenv('UNINEXT_DEFORM_ATTN', 'pytorch')
    assert deform_attn_backend('cpu') == 'pytorch'
    monkeypatch.setenv('UNINEXT_DEFORM_ATTN', 'extra')
    assert deform_attn_backend('cpu') == 'extra'
    monkeypatch.setenv('UNINEXT_DEFORM_ATTN', 'slow')
    with pytest.raises(ValueError, match='unknown'):
        deform_attn_backend('cpu')


@pytest.mark.parametrize(
    ('backend', 'packages', 'device', 'reason'),
    [
        ('mmcv', {}, 'cpu', 'not installed'),
        ('extra', {}, 'cpu', 'not installed'),
        ('mmcv', {'mmcv': {}}, 'cpu', 'made for .*cuda'),
        ('bags', {}, 'meta', 'made for .*cpu'),
        ('extra', {'extra': {}}, 'meta', 'made for .*cpu'),
        ('extra', {'extra': {'cpu': RuntimeError('no kernel')}}, 'cpu', 'no kernel'),
        ('extra', {'extra': {'cpu': ImportError()}}, 'cpu', 'ImportError'),
    ],
    ids=[
        'no mmcv',
        'no extra',
        'mmcv on cpu',
        'bags',
        'unknown device',
        'kernel',
        'import',
    ],
)
def test_forced_where_it_cannot_run(force, install, backend, packages, device, reason):
    install(**packages)
    force(backend)
    with pytest.raises(ValueError, match=f'{backend!r} does not run.*{reason}'):
        deform_attn_backend(device)


@pytest.mark.parametrize(
    ('packages', 'device', 'expected'),
    [
        ({'extra': {}, 'mmcv': {}}, 'cpu', 'bags'),
        ({}, 'cpu', 'bags'),
        ({'extra': {}, 'mmcv': {}}, 'meta', 'pytorch'),
    ],
    ids=['all', 'none', 'unknown device'],
)
def test_fastest_present_is_taken(force, install, packages, device, expected):
    force('')  # not forced
    install(**packages)
    assert deform_attn_backend(device) == expected


def test_order_on_gpus(force, monkeypatch):
    force('')
    absent = set()
    monkeypatch.setattr(module, '_is_installed', lambda name: name not in absent)
    monkeypatch.setattr(module, '_why_not', cache(lambda backend, device: None))
    for expected in ('extra', 'mmcv', 'pytorch'):
        module._fastest.cache_clear()
        assert deform_attn_backend('cuda') == expected
        absent.add(expected)


def test_installed_without_a_kernel_for_the_device(force, install, monkeypatch):
    """As a build without CUDA, or for another torch: said once, and done without."""
    monkeypatch.setattr(module, 'BACKENDS', ('extra', 'mmcv', 'pytorch'))
    install(extra={'cpu': RuntimeError('Extension built without it\n at line 3')})
    force('')
    with pytest.warns(UserWarning, match="'extra'.*'cpu' .Extension built without it"):
        assert deform_attn_backend('cpu') == 'pytorch'
    with warnings.catch_warnings(action='error'):
        assert deform_attn_backend('cpu') == 'pytorch'
    value, locations, weights = inputs()
    output = ms_deform_attn(value, SHAPES, STARTS, locations, weights, SIZES)
    torch.testing.assert_close(output, brute_force(value, locations, weights))


def attention(points=2) -> MSDeformAttention:
    attn = MSDeformAttention(8, num_heads=2, num_levels=2, num_points=points)
    torch.nn.init.normal_(attn.sampling_offsets.weight, std=0.3)
    torch.nn.init.normal_(attn.attention_weights.weight)
    return attn.eval()


def call(attn, query, value, reference, query_pos=None, key_padding_mask=None):
    keys = attn.keys(value, SHAPES, STARTS, SIZES, key_padding_mask)
    return attn(query, keys, reference, query_pos)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match='embed_dims must be divisible'):
        MSDeformAttention(10, num_heads=4)


def test_padded_keys_say_nothing():
    attn = attention()
    query, value = torch.randn(2, 3, 8), torch.randn(2, 16, 8)
    reference = torch.rand(2, 3, 2, 2)
    mask = torch.rand(2, 16) > 0.5
    other = torch.where(mask[..., None], torch.full_like(value, 100.0), value)
    plain = call(attn, query, value, reference, key_padding_mask=mask)
    torch.testing.assert_close(
        call(attn, query, other, reference, key_padding_mask=mask), plain
    )
    assert not torch.allclose(call(attn, query, value, reference), plain)


def test_points_move_by_cells_and_with_boxes_by_shares_of_the_box():
    """A box of 2 P cells makes an offset of 1 one cell, as for a point."""
    attn = attention()
    query, value = torch.randn(2, 3, 8), torch.randn(2, 16, 8)
    points = torch.rand(2, 3, 2, 2)
    cells_wh = 1.0 / SHAPES.flip(-1).float()  # (L, 2)
    sizes = (2 * attn.num_points * cells_wh).expand_as(points)
    boxes = torch.cat([points, sizes], -1)
    torch.testing.assert_close(
        call(attn, query, value, boxes), call(attn, query, value, points)
    )
    assert not torch.allclose(
        call(attn, query, value, torch.cat([points, sizes / 2], -1)),
        call(attn, query, value, points),
    )


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('axis', [0, 1], ids=['x', 'y'])
def test_a_mirrored_map_read_at_mirrored_places_gives_the_same(force, backend, axis):
    """Kernels and positions of the network have no such symmetry; this has."""
    force(backend)
    value, locations, weights = inputs()
    levels = value.split([height * width for height, width in SIZES], 1)
    mirrored = torch.cat(
        [
            level.unflatten(1, size).flip(2 - axis).flatten(1, 2)
            for level, size in zip(levels, SIZES)
        ],
        1,
    )
    there = locations.clone()
    there[..., axis] = 1 - there[..., axis]
    expected = ms_deform_attn(value, SHAPES, STARTS, locations, weights, SIZES)
    found = ms_deform_attn(mirrored, SHAPES, STARTS, there, weights, SIZES)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_identity_and_position():
    attn = attention()
    query, value, pos = (torch.randn(1, n, 8) for n in (3, 16, 3))
    reference = torch.rand(1, 3, 2, 2)
    plain = call(attn, query, value, reference)
    with_pos = call(attn, query, value, reference, query_pos=pos)
    assert not torch.allclose(plain, with_pos)
    moved = call(attn, query + pos, value, reference)
    torch.testing.assert_close(with_pos - query, moved - (query + pos))
    nothing = (
        torch.zeros_like(value)
        - torch.linalg.lstsq(attn.value_proj.weight, attn.value_proj.bias).solution
    )
    without = call(attn, query, nothing, reference)
    torch.testing.assert_close(without, query + attn.output_proj.bias)
