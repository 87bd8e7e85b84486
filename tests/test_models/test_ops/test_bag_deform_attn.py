from __future__ import annotations

import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

from uninext.models.ops import bag_deform_attn as module
from uninext.models.ops.bag_deform_attn import bag_deform_attn

SIZES = ((3, 4), (1, 2))
N = 14


def inputs(queries=5, batch=2, heads=2, dims=3, points=2):
    value = torch.randn(batch, N, heads, dims, dtype=torch.float64)
    # about a third of the places lie outside
    shape = (batch, queries, heads, len(SIZES), points)
    locations = torch.rand(*shape, 2, dtype=torch.float64) * 2 - 0.5
    weights = torch.rand(shape, dtype=torch.float64)
    return value, locations, weights


def both(value, locations, weights):
    """Outputs and gradients, of bags and of grid_sample."""
    for attend in (
        lambda v, x, w: bag_deform_attn(v, SIZES, x, w),
        lambda v, x, w: multi_scale_deformable_attn_pytorch(v, SIZES, x, w),
    ):
        given = [t.clone().requires_grad_() for t in (value, locations, weights)]
        output = attend(*given)
        torch.manual_seed(1)
        yield output, *torch.autograd.grad(output, given, torch.randn_like(output))


def test_no_query():
    value, locations, weights = inputs(queries=0)
    assert bag_deform_attn(value, SIZES, locations, weights).shape == (2, 0, 6)
    for result in zip(*both(value, locations, weights)):
        assert result[0].shape == result[1].shape


def test_equals_grid_sample_with_gradients(monkeypatch):
    monkeypatch.setattr(module, 'QUERIES_AT_ONCE', 2)
    monkeypatch.setattr(module, 'LEARNED_AT_ONCE', 3)
    for ours, expected in zip(*both(*inputs())):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)


def at(x: float, y: float, size: tuple[int, int]) -> list[float]:
    """The place (x, y) in cells of a level, 0 at the first centre, in 0..1."""
    return [(x + 0.5) / size[1], (y + 0.5) / size[0]]


@pytest.mark.parametrize('y', [-3.0, -1.0, -0.75, 0.0, 1.5, 2.0, 2.5, 3.0, 7.0])
@pytest.mark.parametrize('x', [-3.0, -1.0, -0.5, 0.0, 1.25, 3.0, 3.5, 4.0, 9.0])
def test_on_cells_on_the_border_and_outside(x, y):
    """Clamped places give nothing and learn nothing, as those outside do."""
    value, locations, weights = inputs(queries=1)
    locations[:, :, :, 0] = torch.tensor(at(x, y, SIZES[0]))
    for ours, expected in zip(*both(value, locations, weights)):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_the_numbers():
    value, locations, weights = inputs(queries=3, batch=1)
    given = [t.requires_grad_() for t in (value, locations, weights)]
    assert torch.autograd.gradcheck(lambda v, *a: bag_deform_attn(v, SIZES, *a), given)


def test_a_training_that_diverged_gives_nan_and_no_crash():
    value, locations, weights = inputs(batch=1)
    locations[0, 2], weights[0, 2] = torch.nan, torch.nan
    output, *gradients = next(both(value, locations, weights))
    assert output[0, 2].isnan().all() and output[0, :2].isfinite().all()
    assert any(g.isnan().any() for g in gradients)


def test_keeps_nothing_but_its_arguments_for_the_backward_pass():
    given = [t.requires_grad_() for t in inputs()]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda t: t):
        bag_deform_attn(given[0], SIZES, *given[1:])
    assert [t.shape for t in kept] == [t.shape for t in given]
