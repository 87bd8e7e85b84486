"""Stand-ins answer where compiled ops or torchvision are absent, and only there."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from helpers.tools import run_python
from uninext.utils import optional_imports as optional


def test_absent_op_names_itself_and_the_remedy() -> None:
    stand_in = optional._AbsentOps('mmcv._ext')
    with pytest.raises(RuntimeError, match=r"'nms' was called.*without compiled ops"):
        stand_in.nms()


def test_dunder_of_a_stand_in_is_absent() -> None:
    assert not hasattr(optional._AbsentOps('mmcv._ext'), '__wrapped__')
    assert not hasattr(optional._AbsentModule('torchvision'), '__version__')


def test_class_of_an_absent_module_refuses_to_be_made() -> None:
    with pytest.raises(RuntimeError, match='torchvision, not installed'):
        optional._AbsentModule('torchvision').Thing()


def test_stand_in_lives_only_inside_the_block() -> None:
    name = 'a_package_that_nobody_has'
    with optional._stand_in_for(name, 'json'):
        module = importlib.import_module(f'{name}.part')
        assert module.Anything is not None
    assert importlib.util.find_spec(name) is None
    assert not [m for m in sys.modules if m.split('.')[0] == name]
    assert 'json' in sys.modules  # present packages are left alone


@pytest.mark.slow
def test_what_users_call_is_at_the_top_and_no_trace_of_torchvision() -> None:
    """``from uninext import UninextInferencer``; an unknown name is an error."""
    code = (
        'import sys, uninext\n'
        'from uninext import UninextInferencer, Result\n'
        'from uninext.apis import UninextInferencer as same\n'
        'assert UninextInferencer is same\n'
        'assert set(uninext.__all__) <= set(dir(uninext))\n'
        'try: uninext.Inferencer\n'
        'except AttributeError as error: print(error)\n'
    )
    with_torchvision = importlib.util.find_spec('torchvision')
    if importlib.util.find_spec('mmpretrain') and not with_torchvision:
        code += (
            'from uninext.registry import MODELS\n'
            "print(MODELS.get('mmpretrain.ConvNeXt').__name__)\n"
            "print([m for m in sys.modules if m.split('.')[0] == 'torchvision'])\n"
        )
    else:
        code += "print('ConvNeXt', '[]', sep='\\n')"
    first, *_, name, left = run_python(code).stdout.splitlines()
    assert first == "module 'uninext' has no attribute 'Inferencer'"
    assert (name, left) == ('ConvNeXt', '[]')


@pytest.mark.slow
def test_mmdet_is_imported_without_a_word_of_absent_packages() -> None:
    """By itself, and where a runner is built first."""
    code = (
        'from mmengine.config import Config\n'
        'from mmengine.registry import init_default_scope\n'
        'from uninext.cli.common import build_runner\n'
        'from uninext.registry import METRICS\n'
        "init_default_scope('uninext')\n"
        'try:\n'
        "    build_runner(Config(dict(runner_type='gone')))\n"
        'except KeyError:\n'
        "    METRICS.get('CocoMetric')\n"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


@pytest.mark.slow
def test_optimizers_come_without_transformers_and_adafactor_with_it() -> None:
    code = (
        'import sys, torch\n'
        'import uninext.engine.runner\n'
        "assert 'transformers' not in sys.modules\n"
        'from mmengine.registry import OPTIMIZERS\n'
        'params = [torch.nn.Parameter(torch.zeros(2))]\n'
        "for name in ('AdamW', 'Adafactor'):\n"
        '    built = OPTIMIZERS.build(dict(type=name, params=params))\n'
        '    print(type(built).__module__)\n'
    )
    done = run_python(code)
    lines = done.stdout.splitlines()
    assert lines[0] == 'torch.optim.adamw', done.stderr
    assert lines[-1] == 'transformers.optimization'
