"""Frozen parts learn nothing and cost the optimiser nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from uninext.engine import freeze_parameters


def make_net() -> nn.Module:
    net = nn.Sequential()
    net.add_module('backbone', nn.Linear(2, 3))
    net.add_module('head', nn.Linear(3, 1))
    return net


def test_no_pattern_freezes_nothing():
    net = make_net()
    assert freeze_parameters(net, []) == 0
    assert all(p.requires_grad for p in net.parameters())


def test_a_pattern_freezes_what_it_finds_and_nothing_else():
    net = make_net()
    net.backbone.bias.requires_grad_(False)  # was frozen before: does not count
    assert freeze_parameters(net, ['^backbone']) == 6
    learning = {name for name, p in net.named_parameters() if p.requires_grad}
    assert learning == {'head.weight', 'head.bias'}
    net(torch.ones(1, 2)).sum().backward()
    assert net.backbone.weight.grad is None
    assert net.head.weight.grad is not None


@pytest.mark.parametrize(
    ('patterns', 'message'),
    [
        ('backbone', 'takes a list'),
        (['^neck'], "'\\^neck' finds. The parts of the model are backbone, head"),
        (['('], 'no regular expression'),
        (['.'], 'nothing to train'),
    ],
    ids=['a text', 'finds nothing', 'broken', 'finds everything'],
)
def test_patterns_that_cannot_be_meant_are_errors(patterns, message):
    with pytest.raises(ValueError, match=message):
        freeze_parameters(make_net(), patterns)


def test_the_runner_freezes_by_config(make_runner):
    runner = make_runner(frozen=['weight$'], **{'train_cfg.max_iters': 2})
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    after = runner.model.state_dict()
    assert torch.equal(after['backbone.weight'], before['backbone.weight'])
    assert not torch.equal(after['backbone.bias'], before['backbone.bias'])
    state = runner.optim_wrapper.optimizer.state
    assert [tuple(p.shape) for p in state] == [(4,)]  # of the bias alone


def test_the_config_of_a_run_is_not_replaced_by_its_expansion(make_runner, tmp_path):
    path = Path(tmp_path) / 'mine.py'
    path.write_text('# mine\n')
    runner = make_runner()
    object.__setattr__(runner.cfg, '_filename', str(path))
    runner.dump_config()
    assert path.read_text() == '# mine\n'
    elsewhere = tmp_path / 'configs'
    elsewhere.mkdir()
    object.__setattr__(runner.cfg, '_filename', str(elsewhere / 'theirs.py'))
    runner.dump_config()
    assert 'ToyNet' in (tmp_path / 'theirs.py').read_text()
