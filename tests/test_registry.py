"""Names in the registries: none of mmdet's, every module imported by its room."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest
from mmengine import Registry

import uninext
from uninext import registry
from uninext.utils.late_packages import late_packages

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ('models', 'datasets', 'engine', 'evaluation', 'visualization')
REGISTRIES = {n: r for n, r in vars(registry).items() if isinstance(r, Registry)}


@pytest.fixture(scope='module', autouse=True)
def _rooms() -> None:
    for room in ROOMS:
        importlib.import_module(f'uninext.{room}')
    while late := late_packages():
        late[0].complete()


def own_classes(which: Registry) -> dict[str, type]:
    """Classes of ours: tests may register toys beside them."""
    return {
        name: cls
        for name, cls in which.module_dict.items()
        if cls.__module__.startswith('uninext.')
    }


@pytest.mark.parametrize('name', REGISTRIES)
def test_no_name_of_mmdet_or_mmengine_is_taken(name):
    which = REGISTRIES[name]
    ours = set(own_classes(which))
    parent = which.parent
    while parent is not None:
        parent.import_from_location()
        assert not ours & set(parent.module_dict), parent
        parent = parent.parent


@pytest.mark.parametrize('name', REGISTRIES)
def test_every_name_resolves_to_its_class(name):
    which = REGISTRIES[name]
    for key, cls in own_classes(which).items():
        assert which.get(key) is cls


def test_something_is_registered():
    classes = [c for which in REGISTRIES.values() for c in own_classes(which)]
    assert len(classes) >= 20


@pytest.mark.parametrize('name', ['MODELS', 'DATASETS', 'HOOKS', 'METRICS'])
def test_parents_names_are_found(name):
    theirs = {
        'MODELS': 'ChannelMapper',
        'DATASETS': 'CocoDataset',
        'HOOKS': 'DetVisualizationHook',
        'METRICS': 'CocoMetric',
    }[name]
    assert REGISTRIES[name].get(theirs).__module__.startswith('mmdet.')


def modules_of(room: str) -> list[str]:
    package = importlib.import_module(f'uninext.{room}')
    found = pkgutil.walk_packages(package.__path__, f'uninext.{room}.')
    return [module.name for module in found]


def names_imported(init: Path, package: str) -> set[str]:
    """Modules that the imports of an ``__init__`` load, and names they might be."""
    found = set()
    for node in ast.walk(ast.parse(init.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ''
            if node.level:
                module = f'{package}.{module}'.rstrip('.')
            found.add(module)
            found |= {f'{module}.{alias.name}' for alias in node.names}
    return found | {name.rpartition('.')[0] for name in found}


@pytest.mark.parametrize('room', ROOMS)
def test_modules_that_register_are_imported_by_their_room(room):
    """A class in a module that no ``__init__`` imports would be invisible."""
    for module in modules_of(room):
        source = importlib.import_module(module).__file__
        if 'register_module' not in Path(source).read_text():
            continue
        package, _, _ = module.rpartition('.')
        init = ROOT / package.replace('.', '/') / '__init__.py'
        is_there = module in names_imported(init, package)
        assert is_there, f'{init.relative_to(ROOT)} does not import {module}'


@pytest.mark.parametrize(
    'module',
    [m.name for m in pkgutil.walk_packages(uninext.__path__, 'uninext.') if m.ispkg],
)
def test_packages_say_what_they_are_and_export(module):
    if module == 'uninext.web':
        pytest.importorskip('gradio')
    package = importlib.import_module(module)
    assert package.__doc__
    assert 'Placeholder' not in package.__doc__
    for name in getattr(package, '__all__', []):
        assert hasattr(package, name), f'{module}.__all__ names {name}'
