"""Packages of lists are imported name by name, and run where the list does not tell."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from mmengine import Registry

from helpers.tools import run_python
from uninext import registry
from uninext.utils import late_packages

FILES = {
    '__init__.py': '"""A package."""',
    'late/__init__.py': '"""A list."""\n'
    'from . import whole\n'
    'from .shapes import *\n'
    'from .heavy import Heavy\n'
    'from .nms import nms, other as renamed\n'
    'import sys\n'
    'try:\n'
    '    from .tried import Tried\n'
    'except ImportError:\n'
    '    pass\n'
    "print('said while it runs')\n"
    "__all__ = ['Heavy', 'Circle', 'nms', 'renamed']\n",
    'late/heavy.py': 'class Heavy: pass\n',
    'late/nms.py': 'def nms(): pass\ndef other(): pass\n',
    'late/whole.py': 'value = 1\n',
    'late/tried.py': 'class Tried: pass\n',
    'late/unlisted.py': 'value = 2\n',
    'late/shapes/__init__.py': 'from .circle import Circle\n'
    'from .square import Square\n',
    'late/shapes/circle.py': 'class Circle: pass\n',
    'late/shapes/square.py': 'class Square: pass\nclass Hidden: pass\n',
    'early/__init__.py': 'from .one import One\n',
    'early/one.py': 'class One: pass\n',
}


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """``toy.late``, of the files above."""
    for name, text in FILES.items():
        path = tmp_path / 'toy' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(late_packages, 'LATE', (*late_packages.LATE, 'toy.late'))
    import toy.late

    yield toy.late
    for name in loaded(''):
        del sys.modules[f'toy{name}']


def loaded(root: str = '.late.') -> list[str]:
    """Modules below ``toy`` that are imported."""
    names = [name.removeprefix('toy') for name in sys.modules if name[:3] == 'toy']
    return sorted(name for name in names if name.startswith(root))


def is_late(package: ModuleType) -> bool:
    return isinstance(package, late_packages.LatePackage)


def test_importing_it_imports_nothing_of_it(late):
    assert is_late(late)
    assert loaded() == []
    assert late.__doc__ == 'A list.'
    assert late.__file__.endswith('__init__.py')


def test_a_name_comes_with_its_module_alone(late):
    assert late.Heavy().__class__.__module__ == 'toy.late.heavy'
    assert loaded() == ['.late.heavy']


def test_other_packages_are_run_at_once(late):
    import toy.early

    assert not is_late(toy.early)
    assert '.early.one' in loaded('.early')


def test_stars_are_followed(late):
    assert late.Square.__module__ == 'toy.late.shapes.square'
    assert loaded() == ['.late.shapes', '.late.shapes.square']
    assert is_late(late.shapes)


def test_a_name_wins_over_the_module_that_is_called_so(late):
    import toy.late.nms

    assert callable(late.nms)
    assert toy.late.renamed.__name__ == 'other'


def test_modules_are_attributes(late):
    assert late.whole.value == 1
    from toy.late import unlisted

    assert unlisted.value == 2
    assert is_late(late)


def test_a_star_takes_what_all_names(late):
    names = {}
    exec('from toy.late import *', names)
    assert {'Heavy', 'Circle', 'nms', 'renamed'} <= set(names)
    assert 'Square' not in names


def test_a_package_without_all_gives_what_it_has(late):
    names = {}
    exec('from toy.late.shapes import *', names)
    assert {'Circle', 'Square'} <= set(names)
    assert 'Hidden' not in names


def test_what_the_list_does_not_tell_runs_it_and_it_is_silent(late, capsys):
    assert late.Tried.__name__ == 'Tried'
    assert type(late) is ModuleType
    assert capsys.readouterr().out == ''
    assert late.sys is sys


def test_an_unknown_name_is_an_attribute_error(late):
    with pytest.raises(AttributeError, match=r"'toy.late' has no attribute 'gone'"):
        late.gone  # noqa: B018
    with pytest.raises(ImportError, match='gone'):
        from toy.late import gone  # noqa: F401
    assert not hasattr(late, '__wrapped__')


def test_dir_has_all(late):
    assert {'Heavy', 'Circle', 'Square', 'nms', 'Tried'} <= set(dir(late))


def test_running_it_changes_no_object(late):
    before = late.Heavy, late.nms
    late.complete()
    assert (late.Heavy, late.nms) == before
    assert pickle.loads(pickle.dumps(late.Heavy)) is late.Heavy


def test_a_module_that_asks_in_its_import_gets_what_is_there(late, tmp_path):
    """As mmengine's optimizers ask whether a name is taken."""
    (tmp_path / 'toy' / 'late' / 'asking.py').write_text(
        'from uninext.registry import MODELS\nfound = MODELS.get("Circle")\n'
    )
    assert not late_packages.is_importing()
    assert late.asking.found is None
    assert is_late(late)
    assert '.late.shapes.circle' not in loaded()


def test_offers_imports_nothing(late):
    assert late.offers('Square')
    assert not late.offers('Hidden')
    assert loaded() == ['.late.shapes']


# ---------------------------------------------------------------------- registries

_RESOLVE = """
import importlib, json, sys
from uninext import registry
from uninext.utils.late_packages import LatePackage

class Unlisted(Exception): ...

def refuse(package):
    raise Unlisted

def is_listed(ours, name):
    # even if it is the first that is asked for
    rooms = [importlib.import_module(room) for room in ours._locations]
    late = [room for room in rooms if isinstance(room, LatePackage)]
    return any(room.offers(name) for room in late) or name in ours._module_dict

LatePackage.complete = refuse
expected = json.load(sys.stdin)
for where, names in expected.items():
    for name in (n for n, module in names.items() if module.startswith('uninext.')):
        assert is_listed(getattr(registry, where), name), (where, name)
for where, names in expected.items():
    for name, module in names.items():
        try:
            found = getattr(registry, where).get(name)
        except Unlisted:  # no list has it, nor has a parent another one of the name
            print(where, name)
        else:
            assert found.__module__ == module, (where, name, found)
"""


@pytest.mark.slow
def test_registries_find_the_same_as_if_all_were_imported(tmp_path):
    """By the lists alone: all of ours, nearly all of mmdet's. A name that no list has
    makes a start longer, by seconds. No parent's class instead of a child's."""
    registries = {w: r for w, r in vars(registry).items() if isinstance(r, Registry)}
    for ours in registries.values():
        ours.import_from_location()
    while late := late_packages.late_packages():
        late[0].complete()
    expected = {}
    for where, ours in registries.items():
        names = {**ours.parent.module_dict, **ours.module_dict}
        expected[where] = {
            name: cls.__module__
            for name, cls in names.items()
            if cls.__module__.startswith(('mmdet.', 'uninext.'))
        }
    assert len(expected['MODELS']) > 300
    path = tmp_path / 'expected.json'
    path.write_text(json.dumps(expected))
    with path.open() as file:
        done = run_python(_RESOLVE, stdin=file)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) < 40, done.stdout


@pytest.mark.slow
def test_a_type_that_no_list_has_is_found_by_running_them():
    """mmcv registers ``DCN`` under another name than that of its class."""
    code = (
        'from uninext.registry import MODELS\n'
        'from mmengine.registry import init_default_scope\n'
        "init_default_scope('uninext')\n"
        "print(MODELS.get('DCN').__module__, MODELS.get('gone'))\n"
    )
    done = run_python(code)
    assert done.stdout == 'mmcv.ops.deform_conv None\n', done.stderr
