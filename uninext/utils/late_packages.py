"""Packages whose names are imported when they are asked for.

``import mmdet.models.x`` runs ``mmdet/models/__init__.py``, which imports every
detector there is, and with them imgaug, transformers, scipy and matplotlib: seconds,
for a few classes. Such an ``__init__`` is a list of ``from .x import A, B``. A package
of ``LATE`` is made from that list without running it: a name is imported, with its
module, when it is first asked for. What the list does not tell (a name that it does not
have, ``dir``) is found by running the ``__init__`` as it is. A package that registers
more than types of configs, as ``mmdet.structures`` does box types, must not be in
``LATE``.

``vars(package)`` has only what was asked for. Configs ask through the registries, see
``uninext.registry``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any, NamedTuple

# With all packages below them. In this order they are run for a name that no list has.
LATE = (
    *('mmengine.model', 'mmengine.optim', 'mmengine.runner', 'mmengine.hooks'),
    *('mmengine.visualization', 'mmengine.evaluator', 'mmengine.dataset', 'mmcv.ops'),
    *('mmdet.models', 'mmdet.datasets', 'mmdet.evaluation', 'mmdet.engine'),
    *('mmdet.visualization', 'mmdet.utils', 'mmpretrain'),
    *('uninext.checkpoint', 'uninext.engine', 'uninext.visualization'),
)
# Of these the lists alone count: to run, they need torchvision and transformers 4.
LISTED = ('mmpretrain',)


def install() -> None:
    """Import packages of ``LATE`` late from now on; what is imported already stays."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


@cache
def import_offered(package: str, name: str) -> None:
    """Import the module that a package lists a name of, if the package is late."""
    module = importlib.import_module(package)
    if isinstance(module, LatePackage) and module.offers(name):
        getattr(module, name)


def late_packages() -> list[LatePackage]:
    """Those that can be run for a name, in the order of ``LATE``."""
    late = [m for m in sys.modules.values() if isinstance(m, LatePackage)]
    roots = [root for root in LATE if root not in LISTED]
    return [m for root in roots for m in late if _is_below(m.__name__, root)]


def is_importing() -> bool:
    """Whether a module of them is in the middle of its import.

    What it asks for then may need the module itself: nothing else can be imported.
    """
    modules = [m for n, m in sys.modules.items() if any(_is_below(n, r) for r in LATE)]
    specs = [getattr(module, '__spec__', None) for module in modules]
    return any(getattr(spec, '_initializing', False) for spec in specs)


class _Binding(NamedTuple):
    """``from module import name as alias``; a star has no alias."""

    module: str
    name: str
    alias: str | None


class LatePackage(ModuleType):
    """A package whose ``__init__`` has not run; :meth:`complete` makes it a plain one.

    Attributes:
        _bindings: What the ``__init__`` imports, the last first.
        _public: Its ``__all__``, if that is one list.
    """

    _bindings: Sequence[_Binding]
    _public: Sequence[str] | None

    def offers(self, name: str) -> bool:
        """Whether a name comes out of it, as far as the list tells."""
        return self._binding_of(name) is not None

    def complete(self) -> None:
        """Run the ``__init__``, without what mmdet prints about optional packages."""
        loader = self.__loader__
        assert isinstance(loader, _Loader)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='faster_coco_eval is not')
            SourceFileLoader.exec_module(loader, self)
        self.__class__ = ModuleType

    def _binding_of(self, name: str) -> _Binding | None:
        for binding in self._bindings:
            if binding.alias == name:
                return binding
            if binding.alias is None and _gives_by_star(binding.module, name):
                return binding._replace(name=name)
        return None

    def __getattr__(self, name: str) -> Any:
        if name == '__all__' and self._public is not None:
            return self._public
        binding = self._binding_of(name)
        if binding is not None:
            value = self._value_of(binding)
        elif name.startswith('__') and name != '__all__':
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        elif importlib.util.find_spec(f'{self.__name__}.{name}') is not None:
            value = importlib.import_module(f'{self.__name__}.{name}')
        else:
            self.complete()
            return getattr(self, name)
        self.__dict__[name] = value
        return value

    def _value_of(self, binding: _Binding) -> Any:
        if binding.module != self.__name__:  # or it is from . import name
            source = importlib.import_module(binding.module)
            with contextlib.suppress(AttributeError):
                return getattr(source, binding.name)
        return importlib.import_module(f'{binding.module}.{binding.name}')

    def __setattr__(self, name: str, value: Any) -> None:
        """Leave out a module of its own that is called as something in the list.

        ``from .nms import nms`` means the function; the import system sets the module.
        """
        own = isinstance(value, ModuleType) and value.__name__.startswith(self.__name__)
        if not own or all(binding.alias != name for binding in self._bindings):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        self.complete()
        return dir(self)


def _gives_by_star(module: str, name: str) -> bool:
    """Whether ``from module import *`` binds a name."""
    source = importlib.import_module(module)
    if isinstance(source, LatePackage):
        public = source._public
        if public is None:
            return not name.startswith('_') and source.offers(name)
    else:
        public = getattr(source, '__all__', None)
        if public is None:
            return not name.startswith('_') and hasattr(source, name)
    return name in public


def _is_below(name: str, root: str) -> bool:
    return name == root or name.startswith(f'{root}.')


class _Loader(SourceFileLoader):
    """Reads an ``__init__`` instead of running it."""

    def exec_module(self, module: ModuleType) -> None:
        import ast

        bindings, public = [], None
        tree = ast.parse(self.get_data(self.path))
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                source = '.' * node.level + (node.module or '')
                source = importlib.util.resolve_name(source, module.__name__)
                for item in node.names:
                    alias = None if item.name == '*' else item.asname or item.name
                    bindings.append(_Binding(source, item.name, alias))
            elif isinstance(node, ast.Assign) and '__all__' in map(
                ast.unparse, node.targets
            ):
                is_list = isinstance(node.value, ast.List | ast.Tuple)
                public = ast.literal_eval(node.value) if is_list else None
        module.__doc__ = ast.get_docstring(tree, clean=False)
        vars(module).update(_bindings=bindings[::-1], _public=public)
        module.__class__ = LatePackage


class _Finder:
    """Finds the packages of ``LATE``; an entry of ``sys.meta_path``."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a late package; None, and others are asked, for anything else."""
        if not any(_is_below(name, root) for root in LATE):
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is None or type(found.loader) is not SourceFileLoader:
            return None
        if found.submodule_search_locations is None:
            return None  # a module, not a package
        found.loader = _Loader(name, found.loader.path)
        return found
