from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from uninext.models.ops import FoldedNorm, to_channels_last


class Levels(nn.Module):
    """A backbone of one level."""

    def __init__(self, norm_first: bool = False) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2.0)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)

    def forward(self, images):
        parts = (self.conv, self.norm)
        for part in reversed(parts) if self.norm_first else parts:
            images = part(images)
        return (images,)


@pytest.fixture
def images():
    return torch.randn(2, 3, 5, 6)


@pytest.fixture
def norms(monkeypatch):
    """How often BatchNorm ran."""
    calls, batch_norm = [], torch.nn.functional.batch_norm

    def counted(*args, **kwargs):
        calls.append(1)
        return batch_norm(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, 'batch_norm', counted)
    return calls


@torch.no_grad()
def test_equals_the_module_without_its_norm(images, norms):
    module, folded = Levels().eval(), FoldedNorm()
    expected = module(images)[0]
    torch.testing.assert_close(folded.run(module, images)[0], expected)
    before = len(norms)
    torch.testing.assert_close(folded.run(module, images)[0], expected)
    assert len(norms) == before, 'the second run needs no norm'


@torch.no_grad()
def test_first_and_later_runs_are_equal_to_the_bit(images):
    module, folded = Levels().eval(), FoldedNorm()
    first = folded.run(module, images)[0]
    assert torch.equal(first, folded.run(module, images)[0])


@torch.no_grad()
def test_changed_weights_are_folded_anew(images):
    module, folded = Levels().eval(), FoldedNorm()
    folded.run(module, images)
    module.conv.weight.mul_(2)
    torch.testing.assert_close(folded.run(module, images)[0], module(images)[0])
    module.conv.weight.data.mul_(2)  # not seen
    folded.clear()
    torch.testing.assert_close(folded.run(module, images)[0], module(images)[0])


@torch.no_grad()
def test_mixed_precision_is_that_of_a_folded_copy(images, norms):
    levels, folded = Levels().eval(), FoldedNorm()
    (exact,) = folded.run(levels, images)
    kept = copy.deepcopy(folded._folded)
    with torch.autocast('cpu', torch.bfloat16):
        (half,) = folded.run(levels, images)
        (expected,) = kept(images)
        norms.clear()
        (again,) = folded.run(levels, images)
    assert half.dtype == torch.bfloat16
    assert not norms
    assert torch.equal(half, expected)
    assert torch.equal(half, again)
    torch.testing.assert_close(half.float(), exact, atol=0.1, rtol=0.05)
    (back,) = folded.run(levels, images)
    assert torch.equal(back, exact)


@torch.no_grad()
def test_a_norm_before_its_convolution_is_left_alone(images):
    module, folded = Levels(norm_first=True).eval(), FoldedNorm()
    for _ in range(2):
        assert torch.equal(folded.run(module, images)[0], module(images)[0])


def test_where_something_learns_the_module_itself_runs(images):
    module, folded = Levels(), FoldedNorm()
    folded.run(module.eval(), images)[0].sum().backward()
    assert module.conv.weight.grad is not None
    with torch.no_grad():
        module.train()
        before = module.norm.running_mean.clone()
        folded.run(module, images)
    assert not torch.equal(before, module.norm.running_mean)


@torch.no_grad()
def test_hooks_are_called(images):
    module, folded, seen = Levels().eval(), FoldedNorm(), []
    folded.run(module, images)
    handle = module.norm.register_forward_hook(lambda *args: seen.append(1))
    folded.run(module, images)
    handle.remove()
    folded.run(module, images)
    assert seen == [1]


def test_weights_of_inference_mode_are_not_kept(images):
    with torch.inference_mode():
        module, folded = Levels().eval(), FoldedNorm()
        folded.run(module, images)
        module.conv.weight.mul_(2)
        assert torch.equal(folded.run(module, images)[0], module(images)[0])


@torch.no_grad()
def test_a_copy_folds_its_own(images):
    module, folded = Levels().eval(), FoldedNorm()
    folded.run(module, images)
    other, other_folded = copy.deepcopy((module, folded))
    nn.init.normal_(other.norm.bias)
    torch.testing.assert_close(other_folded.run(other, images)[0], other(images)[0])


def test_channels_last_keeps_values_and_shapes(images):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))
    expected = {k: v.clone() for k, v in module.state_dict().items()}
    to_channels_last(module)
    assert module[0].weight.is_contiguous(memory_format=torch.channels_last)
    for key, value in module.state_dict().items():
        assert torch.equal(value, expected[key])
