from __future__ import annotations

import os

import pytest
import torch
from torch import nn

from uninext.analysis.speed_checks import check_against_slower_way, slower_way

VARIABLE = 'UNINEXT_DEFORM_ATTN'


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match='scores .* by inf'):
        check_against_slower_way('x', lambda: dict(scores=torch.zeros(0)))


def test_the_slower_way_ends(monkeypatch):
    monkeypatch.setenv(VARIABLE, 'bags')
    model = nn.Linear(1, 1).eval()
    with torch.no_grad():
        with slower_way(model):
            assert os.environ[VARIABLE] == 'pytorch'
            assert torch.is_grad_enabled()
            assert not model.training
        assert not torch.is_grad_enabled()
    assert os.environ[VARIABLE] == 'bags'
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(KeyError), slower_way():
        raise KeyError
    assert VARIABLE not in os.environ


@pytest.mark.parametrize(('error', 'is_fine'), [(1e-4, True), (1e-2, False)])
def test_the_largest_number_is_the_measure(error: float, is_fine: bool):
    def compute() -> dict[str, torch.Tensor]:
        wrong = error if VARIABLE in os.environ else 0.0
        return dict(a=torch.tensor([10.0, 1.0 + 10 * wrong]))

    if is_fine:
        assert check_against_slower_way('x', compute) == pytest.approx(error, rel=0.1)
    else:
        with pytest.raises(ValueError, match='x: a .* It is not timed'):
            check_against_slower_way('x', compute)


def test_not_a_number_and_other_shapes_are_refused():
    def compute() -> dict[str, torch.Tensor]:
        return dict(a=torch.zeros(2 if VARIABLE in os.environ else 1))

    with pytest.raises(ValueError, match='by inf'):
        check_against_slower_way('x', compute)
    with pytest.raises(ValueError, match='by nan'):
        check_against_slower_way('x', lambda: dict(a=torch.tensor([float('nan')])))
