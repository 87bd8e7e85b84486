"""Stand-ins answer where compiled ops or torchvision are absent, and only there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from uninext.utils import optional_imports as optional


def run_python(code: str) -> str:
    """Run code in a new interpreter; its output."""
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


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
def test_mmpretrain_backbones_without_a_trace_of_torchvision() -> None:
    pytest.importorskip('mmpretrain')
    if importlib.util.find_spec('torchvision'):
        pytest.skip('torchvision is installed here')
    code = (
        'import sys\n'
        'from uninext.registry import MODELS\n'
        "print(MODELS.get('mmpretrain.ConvNeXt').__name__)\n"
        "print([m for m in sys.modules if m.split('.')[0] == 'torchvision'])\n"
    )
    assert run_python(code).splitlines()[-2:] == ['ConvNeXt', '[]']


@pytest.mark.slow
def test_mmdet_is_imported_without_a_word() -> None:
    code = (
        'from uninext.utils.optional_imports import import_mmdet_quietly\n'
        'import_mmdet_quietly()\n'
    )
    assert run_python(code) == ''
