"""Import mmcv, mmdet and mmpretrain where compiled ops are absent, and no more of them.

First thing in the flow: ``uninext.registry`` calls :func:`ensure_mmcv_ops` before
anything of mmdet is imported, ``uninext.engine.runner`` :func:`import_optimizers`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import types
import warnings
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
        # torch 2.4 tells of its own deprecations whatever the filters are.
        with warnings.catch_warnings(record=True) as said:
            optimizers = importlib.import_module(builder).OPTIMIZERS
        for one in (w for w in said if w.category is not DeprecationWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    finally:
        del sys.modules['transformers']
    if importlib.util.find_spec('transformers') is not None:
        optimizers.register_module(name='Adafactor', module=_adafactor)


def _adafactor(*args: Any, **kwargs: Any) -> Any:
    from transformers import Adafactor

    return Adafactor(*args, **kwargs)


def import_mmpretrain() -> None:
    """Import mmpretrain's registries, which import what they are asked for.

    Raises:
        ImportError: If mmpretrain is not installed.
    """
    if importlib.util.find_spec('mmpretrain') is None:
        raise ImportError(
            "A config asks for an 'mmpretrain.*' module, but mmpretrain is not "
            'installed: pip install -r requirements/mminstall.txt'
        )
    importlib.import_module('mmpretrain.registry')
