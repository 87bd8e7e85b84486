from __future__ import annotations

import torch
from torch import nn

import uninext.engine  # noqa: F401  (registers)
from uninext.registry import OPTIM_WRAPPERS


def _wrapper(model: nn.Module):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return OPTIM_WRAPPERS.build(dict(type='BFloat16OptimWrapper', optimizer=optimizer))


def test_only_inside_the_context() -> None:
    model = nn.Linear(4, 2)
    wrapper, x = _wrapper(model), torch.randn(3, 4)
    assert model(x).dtype == torch.float32
    with wrapper.optim_context(model):
        assert model(x).dtype == torch.bfloat16
    assert model(x).dtype == torch.float32


def test_weights_and_steps_stay_float32() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(4, 1), torch.randn(64, 4)
    target = x.sum(1, keepdim=True)
    wrapper, losses = _wrapper(model), []
    for _ in range(30):
        with wrapper.optim_context(model):
            loss = nn.functional.mse_loss(model(x).float(), target)
        wrapper.update_params(loss)
        losses.append(float(loss.detach()))
    assert model.weight.dtype == torch.float32
    assert losses[-1] < 0.05 * losses[0]
