"""Scripts of the repository, run in this process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

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


def run_tool(path: str, *arguments: object) -> int:
    """Run ``python PATH ARGUMENTS`` in this process; returns its exit status."""
    return load_tool(path).main([str(argument) for argument in arguments])
