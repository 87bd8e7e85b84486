"""Scripts of the repository, run in this process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_tool(path: str) -> ModuleType:
    """Import a script anew.

    Args:
        path: Below the repository, such as ``'tools/misc/model_zoo.py'``.
    """
    name = f'_tool_{Path(path).stem}'
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.__name__ = '__main__'  # its errors are those of the script that runs
    return module


def run_python(code: str, *words: str, **options: Any) -> subprocess.CompletedProcess:
    """Run code in a process of its own, in the repository."""
    given = dict(cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.run([sys.executable, '-c', code, *words], **(given | options))


def message_of_failure(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture, *argv: object
) -> str:
    """What a command says that ends with status 2: a message, never a traceback."""
    try:
        status = main([str(word) for word in argv])
    except SystemExit as left:  # of argparse
        status = left.code
    assert status == 2
    said = capsys.readouterr().err
    assert 'Traceback' not in said
    return said


def run_tool(path: str, *arguments: object) -> int:
    """Run ``python PATH ARGUMENTS`` in this process; returns its exit status."""
    return load_tool(path).main([str(argument) for argument in arguments])
