"""Import mmcv, mmdet and mmpretrain where compiled ops or torchvision are absent.

First thing in the flow: ``uninext.registry`` calls :func:`ensure_mmcv_ops` before
anything of mmdet is imported, ``uninext.engine.runner`` :func:`import_optimizers`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import Any, NoReturn


class _AbsentOps(types.ModuleType):
    """Stands where ``mmcv._ext`` would be; every op it is asked for raises."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)

        def absent_op(*args: Any, **kwargs: Any) -> NoReturn:
            raise RuntimeError(
                f"mmcv's compiled op {name!r} was called, but this mmcv was installed "
                'without compiled ops. Install an mmcv build with ops, or use a module '
                'that has a PyTorch path (all of uninext has one).'
            )

        return absent_op


def has_mmcv_ops() -> bool:
    """Tell whether the real ``mmcv._ext`` is there (a stand-in does not count)."""
    module = sys.modules.get('mmcv._ext')
    if module is not None:
        return not isinstance(module, _AbsentOps)
    return importlib.util.find_spec('mmcv._ext') is not None


def ensure_mmcv_ops() -> None:
    """Make ``import mmcv.ops`` possible: stand in for ``mmcv._ext`` if it is absent."""
    if 'mmcv._ext' in sys.modules or has_mmcv_ops():
        return
    stand_in = _AbsentOps('mmcv._ext')
    stand_in.__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', None)
    sys.modules['mmcv._ext'] = stand_in


def import_optimizers() -> None:
    """Import mmengine's optimizers without transformers, which takes a second.

    All that they have of it is ``Adafactor``: it is imported when one is built.
    """
    builder = 'mmengine.optim.optimizer.builder'
    if builder in sys.modules or 'transformers' in sys.modules:
        return
    sys.modules['transformers'] = None  # type: ignore[assignment]  # to import it fails
    try:
        optimizers = importlib.import_module(builder).OPTIMIZERS
    finally:
        del sys.modules['transformers']
    if importlib.util.find_spec('transformers') is not None:
        optimizers.register_module(name='Adafactor', module=_adafactor)


def _adafactor(*args: Any, **kwargs: Any) -> Any:
    from transformers import Adafactor

    return Adafactor(*args, **kwargs)


class _AbsentModule(types.ModuleType):
    """A package whose every attribute is a class that refuses to be used."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)

        def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError(f'{name} needs {type(self).__module__}, not installed.')

        return type(name, (), {'__init__': refuse, '__module__': self.__name__})


class _AbsentFinder:
    """Meta path finder that answers for the packages named at construction."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split('.')[0] in self.packages:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to execute: attributes are made on demand."""


@contextlib.contextmanager
def _stand_in_for(*packages: str) -> Iterator[None]:
    absent = tuple(p for p in packages if importlib.util.find_spec(p) is None)
    finder = _AbsentFinder(absent)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n.split('.')[0] in absent]:
            del sys.modules[name]


def import_mmpretrain_models() -> None:
    """Import ``mmpretrain.models`` so that its backbones are registered.

    ``mmpretrain`` imports torchvision for parts that we do not use. Where torchvision
    is absent, a stand-in answers during that import only; ``sys.modules`` has no trace
    of it afterwards.

    Raises:
        ImportError: If mmpretrain is not installed.
    """
    if 'mmpretrain.models' in sys.modules:
        return
    ensure_mmcv_ops()
    if importlib.util.find_spec('mmpretrain') is None:
        raise ImportError(
            "A config asks for an 'mmpretrain.*' module, but mmpretrain is not "
            'installed: pip install -r requirements/mminstall.txt'
        )
    with _stand_in_for('torchvision'):
        importlib.import_module('mmpretrain.models')
