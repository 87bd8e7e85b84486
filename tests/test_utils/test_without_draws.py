from __future__ import annotations

import torch
from mmengine.model.weight_init import trunc_normal_

from uninext.utils.without_draws import without_draws


def test_outside_nothing_changes() -> None:
    with without_draws():
        pass
    state = torch.random.get_rng_state()
    assert torch.rand(1) > 0
    assert not torch.equal(torch.random.get_rng_state(), state)


def test_nothing_is_drawn() -> None:
    state = torch.random.get_rng_state()
    init = torch.nn.init
    with without_draws():
        torch.nn.Linear(3, 2)
        torch.nn.Conv2d(3, 2, 1)
        torch.nn.Embedding(3, 2)
        for draw in (trunc_normal_, init.xavier_uniform_, init.kaiming_normal_):
            weight = torch.empty(3, 2)
            assert draw(weight) is weight
        init.normal_(weight)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_shapes_a_draw_is_left_out() -> None:
    """Else memory would be written that nobody reads."""
    with without_draws():
        weight = trunc_normal_(torch.full((3,), 9.0), std=2)
    assert weight.tolist() == [9] * 3


def test_what_is_not_random_is_made() -> None:
    with without_draws():
        norm, buffer = torch.nn.BatchNorm1d(4), torch.arange(3)
        sums = torch.ones(3).mul_(2).add_(1)
        layer = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(layer.weight)
    assert norm.weight.tolist() == [1] * 4
    assert buffer.tolist() == [0, 1, 2]
    assert sums.tolist() == [3] * 3
    assert layer.weight.tolist() == [[0, 0]] * 2
