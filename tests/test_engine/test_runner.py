"""The runner: what it loads, keeps, prints, and where it starts."""

from __future__ import annotations

import inspect
import os
import time
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from helpers.engine_toy import ToyNet
from uninext.engine import UninextRunner, init_cpu_group
from uninext.engine.distributed import has_accelerator
from uninext.registry import MODELS
from uninext.utils.files import FileError


def files_in(folder) -> set[str]:
    return {p.name for p in folder.glob('*.pth*')}


def test_screen_is_readable_and_file_has_all(make_runner, capfd):
    runner = make_runner(**{'train_cfg.max_iters': 3})
    runner.train()
    captured = capfd.readouterr()
    lines = (captured.out + captured.err).splitlines()
    assert len(lines) < 15
    assert any('ToyNet' in line and 'parameters' in line for line in lines)
    assert not any(
        'paramwise' in line or 'System environment' in line for line in lines
    )
    text = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert 'System environment' in text
    assert 'backbone.weight' in text  # initial values


def test_frozen_parameters_are_listed_in_the_file_alone(make_runner, capfd):
    """And nobody is warned of a scope that a registry of mmengine lacks."""
    changes = {'train_cfg.max_iters': 1}
    changes['optim_wrapper.paramwise_cfg'] = dict(custom_keys={'bias': dict(lr_mult=2)})
    runner = make_runner(**changes)
    runner.model.backbone.weight.requires_grad_(False)
    runner.train()
    captured = capfd.readouterr()
    assert 'WARNING' not in captured.out + captured.err
    text = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert 'backbone.weight is skipped' in text
    assert 'Failed to search registry' not in text


def test_keeps_the_newest_checkpoints_and_sweeps_leftovers(make_runner, tmp_path):
    (tmp_path / 'iter_7.pth.tmp').touch()
    make_runner(**{'default_hooks.checkpoint.interval': 4}).train()
    assert files_in(tmp_path) == {'iter_20.pth'}
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_20.pth')


def write_with(monkeypatch, harm) -> None:
    """``harm`` is called with the path of each checkpoint, before it is written."""
    save = torch.save

    def patched(content, file):
        harm(file.name)
        save(content, file)

    monkeypatch.setattr(torch, 'save', patched)


@pytest.mark.parametrize('async_save', [False, True])
def test_full_disk_leaves_the_earlier_checkpoint(
    make_runner, tmp_path, monkeypatch, async_save
):
    def full(path):
        if 'iter_14' in path:
            raise OSError(28, os.strerror(28))

    write_with(monkeypatch, full)
    options = dict(interval=7, async_save=async_save)
    options = {f'default_hooks.checkpoint.{k}': v for k, v in options.items()}
    runner = make_runner(**options, **{'train_dataloader.dataset.seconds': 0.01})
    with pytest.raises(FileError, match='iter_14.pth.*No space left.*--resume'):
        runner.train()
    assert runner.iter in (13, 14, 15)  # told at once, not by the next checkpoint
    assert files_in(tmp_path) == {'iter_7.pth'}
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_7.pth')
    monkeypatch.undo()
    runner = make_runner(resume='auto')
    runner.train()
    assert runner.iter == 20


def test_training_goes_on_while_a_checkpoint_is_written(
    make_runner, tmp_path, monkeypatch
):
    """The file holds what was, and those before stay until it is whole."""
    runners, seen = [], []

    def look(path):
        runner, deadline = runners[-1], time.monotonic() + 10
        while 'iter_10' in path and len(runners) == 2 and runner.iter < 12:
            time.sleep(0.01)
            assert time.monotonic() < deadline
        seen.append((runner.iter, files_in(Path(path).parent)))

    write_with(monkeypatch, look)
    options = {
        'train_cfg.max_iters': 15,
        'default_hooks.checkpoint.interval': 5,
        'default_hooks.checkpoint.max_keep_ckpts': 2,
    }
    for async_save in (False, True):
        options['default_hooks.checkpoint.async_save'] = async_save
        folder = tmp_path / str(async_save)
        runners.append(make_runner(work_dir=str(folder), **options))
        runners[-1].train()
        assert seen[-1][1] == {'iter_5.pth', 'iter_10.pth', 'iter_15.pth.tmp'}
        assert files_in(folder) == {'iter_10.pth', 'iter_15.pth'}
    assert seen[1][0] == 9
    assert seen[4][0] >= 12
    saved = [torch.load(tmp_path / f / 'iter_10.pth') for f in ('False', 'True')]
    for part in ('state_dict', 'optimizer'):
        torch.testing.assert_close(saved[1][part], saved[0][part], rtol=0, atol=0)
    assert saved[1]['param_schedulers'] == saved[0]['param_schedulers']


def test_auto_resume_without_a_run_starts_from_load_from(make_runner, tmp_path):
    source = tmp_path / 'source.pth'
    runner = make_runner()
    state = {k: torch.full_like(v, 2.0) for k, v in runner.model.state_dict().items()}
    torch.save({'state_dict': state}, source)
    runner = make_runner(resume='auto', load_from=str(source))
    runner.load_or_resume()
    assert (runner.model.backbone.weight == 2).all()


def test_what_was_loaded_by_hand_stays(make_runner, tmp_path):
    """``load_from`` is not looked for then."""
    make_runner().train()
    two, state = str(tmp_path / 'two.pth'), make_runner().model.state_dict()
    torch.save({'state_dict': {k: v.fill_(2) for k, v in state.items()}}, two)
    runner = make_runner(load_from=str(tmp_path / 'iter_20.pth'))
    runner.load_checkpoint(two)
    runner.load_or_resume()
    assert (runner.model.backbone.weight == 2).all()


def test_what_may_differ_from_load_from_is_named(make_runner, tmp_path):
    source = tmp_path / 'source.pth'
    state = {'backbone.weight': torch.ones(4, 4), 'head.weight': torch.ones(2)}
    torch.save(state, source)
    with pytest.raises(FileError, match=r'missing.*bias[\s\S]*unexpected.*head'):
        make_runner(load_from=str(source)).load_or_resume()
    runner = make_runner(load_from=str(source), load_allow=['^head', 'bias$'])
    runner.load_or_resume()
    assert (runner.model.backbone.weight == 1).all()


@MODELS.register_module()
class AdaptingNet(ToyNet):
    """Starts from weights of another name, without a bias."""

    def adapt_state_dict(self, state):
        return {'backbone.weight': state['stem.weight']}, ['from the stem'], ['bias$']


def test_training_starts_from_what_the_model_derives(make_runner, tmp_path):
    source = tmp_path / 'source.pth'
    torch.save({'state_dict': {'stem.weight': torch.ones(4, 4)}}, source)
    options = {
        'load_from': str(source),
        'train_cfg.max_iters': 2,
        'model.type': 'AdaptingNet',
    }
    runner = make_runner(**options)
    runner.train()
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert 'from the stem' in log
    assert 'missing (1): backbone.bias' in log
    # what is tested must be whole
    with pytest.raises(FileError, match='does not fit'):
        make_runner(**options).test()


def test_weights_alone_cannot_be_resumed(make_runner, tmp_path):
    source = tmp_path / 'source.pth'
    torch.save({'state_dict': make_runner().model.state_dict()}, source)
    with pytest.raises(FileError, match='nothing to resume.*load_from'):
        make_runner(resume=True, load_from=str(source)).train()


def test_resume_tolerates_no_difference(make_runner):
    make_runner().train()
    runner = make_runner(**{'resume': 'auto', 'model.width': 3, 'load_allow': ['']})
    with pytest.raises(FileError, match='misshapen'):
        runner.train()


def test_data_is_built_once(make_runner):
    runner = make_runner(**{'train_cfg.max_iters': 2})
    runner.prepare_training()
    dataset = runner.train_dataloader.dataset
    runner.train()
    assert runner.train_dataloader.dataset is dataset
    assert len(dataset.read) == 4


@pytest.mark.parametrize(
    'name',
    [n for n in vars(UninextRunner) if n in vars(Runner) and not n.startswith('__')],
)
def test_defaults_are_those_of_mmengine(name):
    """Of the methods that replace its own; but keys have to fit."""
    ours, theirs = (
        inspect.signature(getattr(runner, name)).parameters
        for runner in (UninextRunner, Runner)
    )
    for argument in ours.keys() & theirs.keys() - {'revise_keys', 'strict'}:
        assert ours[argument].default == theirs[argument].default, argument


@pytest.mark.parametrize(
    ('device', 'expected'),
    [('cpu', False), ('mps', False), ('cuda', True), ('npu', True)],
)
def test_who_owns_a_device_each(monkeypatch, device, expected):
    monkeypatch.setattr('mmengine.device.get_device', lambda: device)
    assert has_accelerator() is expected


def test_launcher_without_its_variables(monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match='tools/dist_train.sh'):
        init_cpu_group('pytorch')
    with pytest.raises(ValueError, match='tools/slurm_train.sh'):
        init_cpu_group('slurm')
    with pytest.raises(ValueError, match="launcher='mpi'"):
        init_cpu_group('mpi')


def test_slurm_variables_become_those_of_torch(tmp_path, monkeypatch):
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/bin/sh\necho node7\necho node8\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, '')  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv('SLURM_PROCID', '3')
    monkeypatch.setenv('SLURM_NTASKS', '4')
    monkeypatch.setenv('SLURM_LOCALID', '1')
    monkeypatch.setenv('SLURM_NODELIST', 'node[7-8]')
    joined = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', joined.append)
    init_cpu_group('slurm')
    assert joined == ['gloo']
    assert os.environ['RANK'] == '3'
    assert os.environ['WORLD_SIZE'] == '4'
    assert os.environ['LOCAL_RANK'] == '1'
    assert os.environ['MASTER_ADDR'] == 'node7'
