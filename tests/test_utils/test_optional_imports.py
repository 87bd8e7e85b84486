"""A stand-in answers where compiled ops are absent; no more is imported than needed."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from types import SimpleNamespace

import pytest
from mmengine import Registry

from helpers.tools import run_python
from uninext.utils import optional_imports as optional


def test_absent_op_names_itself_and_the_remedy() -> None:
    stand_in = optional._AbsentOps('mmcv._ext')
    with pytest.raises(RuntimeError, match=r"'nms' was called.*without compiled ops"):
        stand_in.nms()


def test_dunder_of_a_stand_in_is_absent() -> None:
    assert not hasattr(optional._AbsentOps('mmcv._ext'), '__wrapped__')


def test_without_mmpretrain_its_types_say_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match='pip install -r requirements/mminstall.txt'):
        optional.import_mmpretrain()


@pytest.mark.slow
def test_what_users_call_is_at_the_top() -> None:
    """``from uninext import UninextInferencer``; an unknown name is an error."""
    code = (
        'import uninext\n'
        'from uninext import UninextInferencer, Result\n'
        'from uninext.apis import UninextInferencer as same\n'
        'assert UninextInferencer is same\n'
        'assert set(uninext.__all__) <= set(dir(uninext))\n'
        'try: uninext.Inferencer\n'
        'except AttributeError as error: print(error)\n'
    )
    done = run_python(code)
    said = "module 'uninext' has no attribute 'Inferencer'\n"
    assert (done.stdout, done.stderr) == (said, '')


@pytest.mark.slow
def test_backbones_of_mmpretrain_come_without_what_they_do_not_need() -> None:
    """In silence, and a name that it does not have is one that is not registered."""
    pytest.importorskip('mmpretrain')
    code = (
        'import sys\n'
        'from uninext.registry import MODELS\n'
        "print(MODELS.get('mmpretrain.ConvNeXt').__name__)\n"
        "print({'torchvision', 'transformers'} & set(sys.modules))\n"
        "print(MODELS.get('mmpretrain.ConvNext'))\n"
    )
    done = run_python(code)
    assert (done.stdout, done.stderr) == ('ConvNeXt\nset()\nNone\n', '')


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
def test_what_optimizers_import_warns_of_no_deprecation(monkeypatch, recwarn) -> None:
    """As torch 2.4 does of functional optimizers, whatever filters there are."""

    def import_and_warn(name: str) -> SimpleNamespace:
        with warnings.catch_warnings():
            warnings.simplefilter('always')
            warnings.warn('it is deprecated', DeprecationWarning, stacklevel=2)
        warnings.warn('it is odd', stacklevel=2)
        return SimpleNamespace(OPTIMIZERS=Registry('optimizers of this test'))

    for name in ('mmengine.optim.optimizer.builder', 'transformers'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(importlib, 'import_module', import_and_warn)
    optional.import_optimizers()
    assert [str(w.message) for w in recwarn] == ['it is odd']


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
