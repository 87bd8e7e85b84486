"""A loss or gradient that is no number stops a training before a step is taken."""

from __future__ import annotations

import json

import pytest
import torch

from helpers.engine_toy import ToyNet
from uninext.checkpoint import load_file
from uninext.engine.hooks import NonFiniteGradient
from uninext.registry import MODELS

BROKEN = 17


@MODELS.register_module()
class SteepNet(ToyNet):
    """Its loss is 0, and its slope there infinite."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        out = self.backbone(torch.stack(inputs))
        return {'loss_root': (out - out.detach()).square().sum().sqrt()}


def stopped(runner) -> str:
    with pytest.raises(NonFiniteGradient) as error:
        runner.train()
    return str(error.value)


def first_draw(make_runner, tmp_path) -> int:
    """The first iteration, from 0, that draws the broken vector."""
    runner = make_runner(work_dir=str(tmp_path / 'whole'))
    runner.train()
    read = runner.train_dataloader.dataset.read
    return read.index(BROKEN) // 2


def test_finite_training_leaves_nothing(make_runner, tmp_path):
    make_runner().train()
    assert not list(tmp_path.glob('nonfinite*'))


@pytest.mark.parametrize(
    'clip_grad', [None, dict(max_norm=0.1), dict(type='value', clip_value=0.1)]
)
def test_a_loss(make_runner, tmp_path, clip_grad):
    number = first_draw(make_runner, tmp_path)
    options = {
        'train_dataloader.dataset.broken': BROKEN,
        'optim_wrapper.clip_grad': clip_grad,
    }
    runner = make_runner(**options)
    text = stopped(runner)
    assert f'Iteration {number + 1}, process 0 of 1: loss_fit, loss_fit_0, ' in text
    folder = tmp_path / f'nonfinite_iter_{number}'
    assert str(folder) in text
    found = json.loads((folder / 'rank_0.json').read_text())
    assert found['wrong'] == ['loss_fit', 'loss_fit_0', 'loss_fit_dn']
    assert BROKEN in [sample['img_id'] for sample in found['samples'][0]]
    assert len(found['samples'][0]) == 2 and len(found['losses']) == 1
    # what is in memory and in the folder is what it was before the iteration
    state = load_file(folder / 'state.pth')
    assert state['meta']['iter'] == found['iteration'] == number
    weights = runner.model.state_dict()
    assert all(v.isfinite().all() for v in weights.values())
    assert all(torch.equal(weights[k], v) for k, v in state['state_dict'].items())


def test_a_gradient_whose_loss_is_finite(make_runner, tmp_path):
    model = {'model.type': 'SteepNet'}
    text = stopped(make_runner(**model))
    assert 'losses are finite, but gradients are not: backbone.weight' in text
    clipped = {'optim_wrapper.clip_grad': dict(max_norm=0.1)}
    text = stopped(make_runner(**model, **clipped))
    assert 'gradients are not. Nothing was learned' in text


def test_summed_gradients(make_runner, tmp_path):
    """The iterations that were summed up are all named."""
    number = first_draw(make_runner, tmp_path)
    options = {
        'train_dataloader.dataset.broken': BROKEN,
        'optim_wrapper.accumulative_counts': 4,
    }
    stopped(make_runner(**options))
    last = number // 4 * 4 + 3
    file = tmp_path / f'nonfinite_iter_{last}' / 'rank_0.json'
    found = json.loads(file.read_text())
    assert len(found['losses']) == len(found['samples']) == 4
    assert BROKEN in [s['img_id'] for s in found['samples'][number % 4]]
    # all four are repeated: another could have been the cause
    state = load_file(file.parent / 'state.pth')
    assert state['meta']['iter'] == found['iteration'] == last - 3
    replay = {'resume': True, 'load_from': str(file.parent / 'state.pth')}
    stopped(make_runner(work_dir=str(tmp_path / 'again'), **options, **replay))
    again = tmp_path / 'again' / file.parent.name / 'rank_0.json'
    assert str(json.loads(again.read_text())) == str(found)
