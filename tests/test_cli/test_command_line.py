"""Options of the commands, and what people see when something is wrong."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers.tools import message_of_failure
from uninext.cli import build_parser, common, main, test, train
from uninext.cli.command import COMMANDS
from uninext.utils.files import FileError

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / 'tests/helpers/toy_config.py'

SHARED_OPTIONS = {
    '--work-dir',
    '--cfg-options',
    '--launcher',
    '--device',
    '--local_rank',
    '--local-rank',
}
SPEED_OPTIONS = {'--precision', '--num-queries', '--compile'}
# Changing one of these sets breaks somebody's script: say so in CHANGELOG.md.
OPTIONS = {
    'train': frozenset(
        SHARED_OPTIONS
        | {'config', '--amp', '--resume', '--replay', '--dry-run', '--dry-run-ranks'}
        | {'--dry-run-batches', '--dry-run-images'}
        | {'--data', '--images', '--val-data', '--val-images', '--val-fraction'}
        | {'--val-expressions'}
        | {'--from', '--iters', '--batch-size', '--lr', '--freeze', '--no-baseline'}
        | {'--overwrite'}
    ),
    'test': frozenset(
        SHARED_OPTIONS
        | SPEED_OPTIONS
        | {'config', 'checkpoint', '--out', '--show', '--show-dir', '--wait-time'}
    ),
    'convert': frozenset(
        {'source', 'target', '--reverse', '--image-only', '--verbose'}
        | {'--to-video', '--backbone-only', '--config', '--no-check'}
    ),
    'doctor': frozenset({'--json', '--no-self-test'}),
    'info': frozenset({'model'}),
    'calibrate': frozenset(
        {'model', '--checkpoint', '--data', '--false-alarms', '--out', '--limit'}
        | {'--best-f1', '--device'}
    ),
    'export': frozenset({'config', 'checkpoint', 'out', '--format', '--size'}),
    'predict': frozenset(
        {'source', '--categories', '--expression', '--box', '--mask', '--score-thr'}
        | {'--exclude', '--exclude-expression', '--shown-in'}
        | {'--max-objects', '--keep-lost', '--init-score-thr', '--prompts'}
        | SPEED_OPTIONS
        | {'--model', '--checkpoint', '--device', '--scale', '--batch-size'}
        | {'--as-video', '--no-as-video', '--limit', '--out', '--overwrite', '--save'}
        | {'--fps', '--show', '--quiet', '--strict', '--shards', '--engine'}
        | {'--workers', '--address', '--shard-size', '--column'}
    ),
    'label': frozenset(
        {'source', '--categories', '--expression', '--exclude', '--exclude-expression'}
        | SPEED_OPTIONS
        | {'--model', '--checkpoint', '--device', '--batch-size', '--as-video', '--to'}
        | {'--out', '--accept', '--review', '--boxes', '--quiet'}
    ),
    'label-studio': frozenset(
        SPEED_OPTIONS
        | {'--model', '--checkpoint', '--device', '--files', '--media', '--score-thr'}
        | {'--host', '--port', '--read', '--out'}
    ),
    'eval': frozenset({'format', '--gt', '--pred', '--protocol', '--single-precision'})
    | {'--max-dets', '--categories', '--frames', '--false-alarm-thr'},
    'demo': frozenset(
        SPEED_OPTIONS
        | {'--model', '--checkpoint', '--device', '--host', '--port', '--share'}
        | {'--no-browser', '--score-thr'}
        | {'--max-upload-mb', '--max-image-mp', '--max-video-seconds'}
        | {'--max-video-mp', '--max-waiting', '--idle-minutes'}
    ),
    'check-data': frozenset({'data', '--images', '--no-images'}),
    'shapes': frozenset(
        {'out', '--layout', '--size', '--frames', '--tripod', '--seed', '--videos'}
        | {f'--{n}{s}' for n in ('', 'num-') for s in ('train', 'val', 'test')}
    ),
    'completion': frozenset({'shell'}),
}


def options_of(name: str) -> set[str]:
    parser = argparse.ArgumentParser(add_help=False)
    COMMANDS[name].add_arguments(parser)
    return {o for a in parser._actions for o in (a.option_strings or [a.dest])}


@pytest.mark.parametrize('name', OPTIONS)
def test_options_are_frozen(name):
    assert options_of(name) == OPTIONS[name]


def test_every_command_is_listed():
    assert set(COMMANDS) == set(OPTIONS)


def test_no_command_is_an_error(capsys):
    assert 'COMMAND' in fails_with([], capsys)


def test_info_names_what_is_installed(capsys):
    assert main(['info']) == 0
    out = capsys.readouterr().out
    for name in ('uninext', 'torch', 'mmdet', 'mmcv compiled ops', 'MiniLM'):
        assert name in out


def fails_with(argv: list[str], capsys) -> str:
    return message_of_failure(main, capsys, *argv)


def test_absent_files_are_named(tmp_path, capsys):
    assert "no config 'x.py'" in fails_with(['train', 'x.py'], capsys)
    config = str(TOY)
    assert "no checkpoint 'x.pth'" in fails_with(['test', config, 'x.pth'], capsys)
    error = fails_with(['train', config, '--resume', 'x.pth'], capsys)
    assert "--resume: there is no checkpoint 'x.pth'" in error
    error = fails_with(['convert', 'x.pth', str(tmp_path / 'y.pth')], capsys)
    assert 'x.pth' in error


def test_wrong_options_are_named(tmp_path, capsys):
    config = str(TOY)
    error = fails_with(['train', config, '--cfg-options', 'a'], capsys)
    assert "KEY=VALUE, got ['a']" in error
    (tmp_path / 'x.pth').touch()
    argv = ['test', config, str(tmp_path / 'x.pth'), '--out', 'x.json']
    assert '.pkl' in fails_with(argv, capsys)


def arguments(module, *argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args(argv)


def test_options_reach_the_config(tmp_path):
    args = arguments(
        train,
        str(TOY),
        '--resume',
        '--cfg-options',
        'train_cfg.max_iters=7',
        'a.b=[1,2]',
    )
    cfg = common.load_config(args)
    train.apply_train_options(cfg, args)
    assert cfg.train_cfg.max_iters == 7
    assert cfg.a.b == [1, 2]
    assert cfg.resume == 'auto'
    assert cfg.work_dir == 'work_dirs/toy_config'
    assert cfg.runner_type == 'UninextRunner'
    path = tmp_path / 'x.pth'
    path.touch()
    args = arguments(train, str(TOY), '--amp', '--resume', str(path))
    cfg = common.load_config(args)
    train.apply_train_options(cfg, args)
    assert cfg.optim_wrapper.type == 'BFloat16OptimWrapper'
    assert (cfg.resume, cfg.load_from) == (True, str(path))


def test_options_of_speed_are_those_of_the_model(tmp_path, monkeypatch):
    checkpoint = tmp_path / 'x.pth'
    checkpoint.touch()
    built = []

    def build_runner(cfg):
        built.append(cfg.model.get('test_cfg'))
        return SimpleNamespace(prepare_testing=lambda: None, test=lambda: None)

    monkeypatch.setattr('uninext.cli.test.build_runner', build_runner)
    argv = ['test', str(TOY), str(checkpoint), '--work-dir', str(tmp_path)]
    options = ['--precision', 'bf16', '--num-queries', '90', '--compile']
    for given in ([], options):
        assert main([*argv, *given]) == 0
    assert built == [None, dict(precision='bf16', num_queries=90, compile=True)]


def test_train_then_test(tmp_path, monkeypatch, capfd):
    config = str(TOY)
    argv = [config, '--work-dir', str(tmp_path), '--cfg-options']
    assert main(['train', *argv, 'experiment_name=cli_train']) == 0
    capfd.readouterr()
    checkpoint = str(tmp_path / 'iter_20.pth')
    out = tmp_path / 'predictions.pkl'
    test_argv = [config, checkpoint, '--out', str(out), *argv[1:]]
    assert main(['test', *test_argv, 'experiment_name=cli_test']) == 0
    captured = capfd.readouterr()
    assert 'coco: 32.0000  refcoco: 32.0000' in captured.out + captured.err
    assert out.is_file()
    # A training may start from a part of the weights; a test may not.
    options = ['model.width=3', 'experiment_name=cli_misfit']
    error = fails_with(['test', config, checkpoint, *argv[1:], *options], capfd)
    assert 'misshapen (2): backbone.weight ' in error
    # The disk may fill after hours: still one line, and the traceback in the log.
    options = [f'load_from={checkpoint}', 'experiment_name=cli_full']
    monkeypatch.setattr('uninext.checkpoint.io.replacing', full_disk)
    error = fails_with(['train', *argv, *options], capfd)
    assert 'iter_10.pth could not be written' in error
    logs = [log.read_text() for log in tmp_path.glob('*/*.log')]
    assert any('Traceback' in log and 'FileError' in log for log in logs)


@pytest.mark.parametrize('interrupted_at', [5, 15])
def test_ctrl_c_says_how_to_go_on(interrupted_at, tmp_path, monkeypatch, capfd):
    from uninext.engine import ResumableIterTrainLoop

    run_iter = ResumableIterTrainLoop.run_iter

    def stopped(self, batch):
        if self._iter == interrupted_at:
            raise KeyboardInterrupt
        run_iter(self, batch)

    monkeypatch.setattr(ResumableIterTrainLoop, 'run_iter', stopped)
    argv = ['train', str(TOY), '--work-dir', str(tmp_path)]
    argv += ['--cfg-options', f'experiment_name=cli_stop_{interrupted_at}']
    assert main(argv) == common.EXIT_INTERRUPTED
    captured = capfd.readouterr()
    (line,) = [line for line in captured.err.splitlines() if line[:11] == 'interrupted']
    assert 'Traceback' not in captured.err
    saved = list(tmp_path.glob('iter_*.pth'))
    if not saved:
        assert line == 'interrupted; nothing was saved yet'
        return
    # what is typed next goes on from there
    start, _, command = line.partition('. Go on: uninext ')
    assert start.endswith('.pth is saved')
    monkeypatch.undo()
    words = [w.replace('cli_stop', 'cli_resumed') for w in shlex.split(command)]
    assert words == [w.replace('cli_stop', 'cli_resumed') for w in argv] + ['--resume']
    assert main(words) == 0
    assert (tmp_path / 'iter_20.pth').is_file()
    text = ''.join(log.read_text() for log in tmp_path.glob('*/*.log'))
    assert saved[0].name in text


def full_disk(path, advice=''):
    raise FileError(f'{path} could not be written')


def test_errors_of_the_config_are_messages(tmp_path, monkeypatch, capfd):
    argv = ['train', str(TOY), '--work-dir', str(tmp_path)]
    option = 'train_dataloader.dataset.type=NoSuchDataset'
    error = fails_with([*argv, '--cfg-options', option], capfd)
    assert 'NoSuchDataset is not in' in error
    option = 'train_dataloader.dataset.no_such_argument=1'
    error = fails_with([*argv, '--cfg-options', option], capfd)
    assert 'no_such_argument' in error


def test_convert_reports(tmp_path, monkeypatch, capsys):
    from uninext.checkpoint.conversion import ConversionReport

    report = ConversionReport(mapped=[('a', 'b')])
    monkeypatch.setattr(
        'uninext.checkpoint.conversion.convert_file', lambda *a, **k: report
    )
    assert main(['convert', 'a.pth', 'b.pth']) == 0
    out = capsys.readouterr().out
    assert '1 mapped' in out and 'a -> b' not in out
    assert main(['convert', 'a.pth', 'b.pth', '--verbose']) == 0
    assert 'a -> b' in capsys.readouterr().out


def test_what_is_converted_must_fit_its_config(tmp_path, capsys):
    from uninext.cli.convert import check_fit

    model = torch.nn.Linear(1, 2)
    key = 'detr.detr.transformer.level_embed'
    torch.save({'model': {key: model.weight}}, tmp_path / 'in.pth')
    files = [str(tmp_path / 'in.pth'), str(tmp_path / 'a.pth')]
    argv = ['convert', *files, '--config', 'stage2_image_tiny']
    error = fails_with(argv, capsys)
    assert 'misshapen (1): level_embed 2x1 in place of 4x128' in error
    assert 'missing' in error and not (tmp_path / 'a.pth').exists()
    assert main(['convert', *files, '--no-check']) == 0
    assert (tmp_path / 'a.pth').exists()
    with pytest.raises(ValueError, match='There is no config'):
        check_fit('nonsense', {})


def test_device_cpu_hides_gpus(monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '0')
    common.prepare_process(arguments(test, 'c.py', 'x.pth', '--device', 'cpu'))
    assert os.environ['CUDA_VISIBLE_DEVICES'] == '-1'


def test_a_device_that_is_not_here_is_said_first(tmp_path, capsys):
    (tmp_path / 'a.png').touch()
    argv = ['predict', str(tmp_path / 'a.png'), '--categories', 'x', '--device', 'foo']
    error = fails_with([*argv, '--out', str(tmp_path / 'out')], capsys)
    assert "The device 'foo' cannot be used: there are cpu" in error


def test_traceback_on_demand(monkeypatch):
    monkeypatch.setenv('UNINEXT_TRACEBACK', '1')
    with pytest.raises(ValueError, match='no config'):
        main(['train', 'x.py'])


@pytest.mark.parametrize(
    'bug',
    [lambda: {}['bbox'], lambda: int('x'), lambda: None.shape, lambda: [][0]],
    ids=['KeyError', 'ValueError', 'AttributeError', 'IndexError'],
)
def test_bugs_of_ours_keep_their_traceback(bug, monkeypatch, capsys):
    """Never a bare ``error: bbox``."""
    fake = SimpleNamespace(launch=lambda **_: bug())
    monkeypatch.setitem(sys.modules, 'uninext.web', fake)
    assert main(['demo']) == common.EXIT_BUG == 1
    error = capsys.readouterr().err
    assert error.startswith('Traceback') and 'error: bbox' not in error
    assert 'This is a bug' in error and 'uninext info' in error and 'faq.md' in error


def test_a_bug_may_be_looked_at_with_a_debugger(monkeypatch):
    monkeypatch.setenv('UNINEXT_TRACEBACK', '1')
    with pytest.raises(ZeroDivisionError):
        common.run_command(lambda _: 1 // 0, argparse.Namespace())


def test_interrupted_is_a_status_and_a_line(capsys):
    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    status = common.run_command(interrupted, argparse.Namespace())
    assert status == common.EXIT_INTERRUPTED == 130
    assert capsys.readouterr().err == '\ninterrupted\n'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a = [', 'SyntaxError'),
        ('a = b', "NameError: name 'b' is not defined"),
        ("_base_ = 'no.py'", 'no.py'),
        ("custom_imports = dict(imports=['no_such_module'])", 'no_such_module'),
    ],
    ids=['syntax', 'name', 'base', 'import'],
)
def test_a_config_that_cannot_be_read_is_a_message(text, message, tmp_path, capsys):
    (tmp_path / 'mine.py').write_text(text)
    error = fails_with(['train', str(tmp_path / 'mine.py')], capsys)
    assert 'mine.py cannot be read' in error and message in error


def test_options_that_do_not_fit_the_config_are_named(tmp_path, capsys):
    (tmp_path / 'mine.py').write_text('a = [1]\n')
    argv = ['train', str(tmp_path / 'mine.py'), '--cfg-options', 'a.3.b=1']
    assert '--cfg-options a.3.b cannot be set in' in fails_with(argv, capsys)


def test_parser_has_version(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(['--version'])
    assert capsys.readouterr().out.strip()
