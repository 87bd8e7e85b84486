"""``uninext eval``, ``demo`` and ``completion``."""

from __future__ import annotations

import ast
import json
import os
import sys
from types import SimpleNamespace

import pytest

from helpers.tools import ROOT, message_of_failure, run_python
from uninext.cli import common, completion, evaluate, main
from uninext.evaluation.evaluators.video_objects import FRAMES
from uninext.evaluation.result_files import FORMATS
from uninext.utils.serving_limits import ServingLimits, all_limits, option_of


def fails(capsys, *arguments: str) -> str:
    return message_of_failure(main, capsys, *arguments)


# --------------------------------------------------------------------------- evaluating


@pytest.fixture
def files(tmp_path) -> list[str]:
    box = dict(bbox=[2, 2, 6, 6], image_id=1, category_id=1)
    ground_truth = dict(
        images=[dict(id=1, width=20, height=20, file_name='a')],
        annotations=[dict(id=1, area=36, iscrowd=0, **box)],
        categories=[dict(id=1, name='x')],
    )
    for name, content in (('gt', ground_truth), ('pred', [dict(score=0.9, **box)])):
        (tmp_path / name).write_text(json.dumps(content))
    return ['--gt', str(tmp_path / 'gt'), '--pred', str(tmp_path / 'pred')]


def test_eval_knows_every_format(capsys):
    assert tuple(FORMATS) == evaluate.FORMATS
    error = fails(capsys, 'eval', 'voc', '--gt', 'a', '--pred', 'b')
    assert f"unknown format 'voc': choose from {', '.join(FORMATS)}" in error


def test_options_of_eval_reach_their_format(files, capsys):
    assert evaluate.FRAMES == FRAMES
    assert main(['eval', 'coco', *files, '--max-dets', '1', '3']) == 0
    metrics = json.loads(capsys.readouterr().out)['bbox']
    assert [metrics['AP'], metrics['AR3']] == pytest.approx([1, 1])
    assert main(['eval', 'coco', *files, '--categories', 'x']) == 0
    assert json.loads(capsys.readouterr().out)['bbox']['AR100'] == pytest.approx(1)
    for arguments, error in (
        (('--categories', 'x, y'), "has no categories ['y']; it has ['x']"),
        (('--max-dets', '3', '1'), 'ascending positive numbers, got [3, 1]'),
        (('--frames', 'all'), 'coco has no option --frames'),
    ):
        assert error in fails(capsys, 'eval', 'coco', *files, *arguments)


def test_eval_prints_metrics(files, capsys):
    assert main(['eval', 'coco', *files]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)['bbox']['AP'] == pytest.approx(1)
    assert evaluate.main(['coco', *files]) == 0
    assert capsys.readouterr().out == printed


def test_eval_names_what_is_wrong(files, capsys):
    assert 'b does not exist' in fails(capsys, 'eval', 'coco', *files[:3], 'b')
    assert evaluate.main(['coco', *files[:3], 'b']) == 2
    assert 'b does not exist' in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error():
    """As in ``uninext info | head -0``; without it Python prints a traceback."""
    code = (
        'import sys\n'
        'from uninext.cli import common\n'
        'run = lambda args: print("x" * 100000)\n'
        'sys.exit(common.run_tool("d", lambda p: None, run, []))\n'
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = run_python(code, stdout=writing)
    os.close(writing)
    assert done.stderr == ''
    assert done.returncode == common.EXIT_BROKEN_PIPE


# --------------------------------------------------------------------------------- demo


def test_demo_launches_the_page(monkeypatch):
    given = {}
    fake = SimpleNamespace(launch=lambda **kwargs: given.update(kwargs))
    monkeypatch.setitem(sys.modules, 'uninext.web', fake)
    assert main(['demo']) == 0
    assert given.pop('limits') == ServingLimits()
    assert given.pop('score_thr') is None
    place = dict(host='127.0.0.1', port=None, share=False, open_browser=True)
    assert given == dict(model=None, checkpoint=None, device='auto', **place)
    options = ['--model', 'm', '--checkpoint', 'c', '--device', 'cpu', '--port', '80']
    assert main(['demo', *options, '--host', '0.0.0.0', '--share', '--no-browser']) == 0
    given.pop('limits'), given.pop('score_thr')
    place = dict(host='0.0.0.0', port=80, share=True, open_browser=False)
    assert given == dict(model='m', checkpoint='c', device='cpu', **place)
    given.clear()
    assert (
        main(['demo', '--precision', 'bf16', '--num-queries', '90', '--compile']) == 0
    )
    assert given.items() >= dict(precision='bf16', num_queries=90, compile=True).items()


def test_each_limit_of_the_page_is_an_option(monkeypatch, capsys):
    given = {}
    fake = SimpleNamespace(launch=lambda **kwargs: given.update(kwargs))
    monkeypatch.setitem(sys.modules, 'uninext.web', fake)
    names = [name for name, *_ in all_limits()]
    options = [part for i, n in enumerate(names, 3) for part in (option_of(n), str(i))]
    assert main(['demo', *options]) == 0
    assert vars(given['limits']) == {name: i for i, name in enumerate(names, 3)}
    assert main(['demo', '--score-thr', '0.4']) == 0
    assert given['score_thr'] == 0.4
    assert '--score-thr must be in 0..1' in fails(capsys, 'demo', '--score-thr', '2')
    error = fails(capsys, 'demo', '--max-image-mp', '0')
    assert '--max-image-mp must be above 0, got 0' in error


def test_demo_gives_what_launch_takes():
    """Read from the text: importing Gradio takes long."""
    tree = ast.parse((ROOT / 'uninext/web/server.py').read_text())
    (launch,) = (n for n in tree.body if getattr(n, 'name', '') == 'launch')
    names = ['model', 'checkpoint', 'device', 'host', 'port', 'share', 'open_browser']
    names += ['precision', 'num_queries', 'compile', 'limits', 'score_thr']
    assert [argument.arg for argument in launch.args.args] == names


def test_demo_without_gradio_says_what_to_install(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, 'uninext.web', raising=False)
    monkeypatch.setitem(sys.modules, 'gradio', None)
    monkeypatch.setattr('importlib.util.find_spec', lambda *_: None)
    error = fails(capsys, 'demo')
    assert 'pip install' in error


def test_demo_names_a_wrong_port(capsys):
    assert '--port must be in 1..65535, got 0' in fails(capsys, 'demo', '--port', '0')


# --------------------------------------------------------------------------- completion


@pytest.mark.parametrize('shell', completion.SHELLS)
def test_completion_prints_what_the_shell_reads(shell, capsys):
    assert main(['completion', shell]) == 0
    code = capsys.readouterr().out
    assert 'uninext' in code
    assert completion.VARIABLE in code


def test_completion_knows_its_shells(capsys):
    error = fails(capsys, 'completion', 'dos')
    assert all(shell in error for shell in completion.SHELLS)


def test_completion_without_its_package(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'argcomplete', None)
    assert 'pip install argcomplete' in fails(capsys, 'completion', 'bash')


def test_tab():
    """Not in this process: argcomplete takes file 9, which may be another's."""
    expected = {
        'uninext pre': {'predict'},
        'uninext predict --cat': {'--categories'},
        'uninext eval bdd': {'bdd-mot', 'bdd-mots', 'bdd-det', 'bdd-insseg'},
        'uninext completion ': {'bash', 'zsh', 'fish'},
    }
    code = (
        'import io, json, os, sys\n'
        'from argcomplete import CompletionFinder\n'
        'from uninext.cli import build_parser\n'
        'os.environ.update(_ARGCOMPLETE="1", _ARGCOMPLETE_IFS="\\n")\n'
        'for line in json.loads(sys.argv[1]):\n'
        '    os.environ.update(COMP_LINE=line, COMP_POINT=str(len(line)))\n'
        '    found = io.StringIO()\n'
        '    try:\n'
        '        CompletionFinder()(build_parser(), exit_method=sys.exit,'
        ' output_stream=found)\n'
        '    except SystemExit:\n'
        '        print(json.dumps(found.getvalue().split()))\n'
    )
    done = run_python(code, json.dumps(list(expected)))
    found = [set(json.loads(line)) for line in done.stdout.splitlines()]
    assert len(found) == len(expected), done.stderr
    for names, wanted in zip(found, expected.values()):
        assert wanted <= names
        assert 'train' not in names


def test_tab_answers_before_anything_heavy(monkeypatch):
    """In the process that the shell starts; the prediction goes to file 8."""
    reading, writing = os.pipe()
    code = (
        f'import os; os.dup2({writing}, 8, inheritable=True); import sys\n'
        'from uninext.cli import main\n'
        'import os, atexit\n'
        'leave = os._exit\n'
        'def told(status):\n'
        '    os.write(1, repr({"torch", "numpy"} & set(sys.modules)).encode())\n'
        '    leave(status)\n'
        'os._exit = told\n'
        'main([])\n'
    )
    environment = dict(
        os.environ,
        _ARGCOMPLETE='1',
        COMP_LINE='uninext pre',
        COMP_POINT='11',
        _ARGCOMPLETE_IFS='\n',
    )
    done = run_python(code, env=environment, pass_fds=[writing])
    os.close(writing)
    assert os.read(reading, 100).decode().strip() == 'predict'
    os.close(reading)
    assert done.stdout == 'set()', done.stderr
