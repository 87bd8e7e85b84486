"""Dependencies point one way; ``import uninext`` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'uninext'

# What each room may import of ours. registry and version are open to all rooms.
BASE = {'utils', 'structures'}
ALLOWED = {
    'utils': {'utils'},
    'structures': BASE,
    'datasets': BASE | {'datasets'},
    'models': BASE | {'models'},
    'evaluation': BASE | {'evaluation'},
    'visualization': BASE | {'visualization'},
    'engine': BASE | {'engine'},
    'testing': BASE | {'models', 'engine', 'testing'},
    'analysis': BASE | {'models', 'analysis'},
    'assets': {'assets'},
    'apis': BASE
    | {'models', 'datasets', 'evaluation', 'visualization', 'engine', 'apis', 'assets'},
    'shapes': BASE
    | {'models', 'datasets', 'evaluation', 'visualization', 'engine', 'apis', 'shapes'},
    'web': BASE | {'datasets', 'visualization', 'apis', 'shapes', 'web'},
    'cli': BASE
    | {'models', 'datasets', 'evaluation', 'visualization', 'engine', 'apis', 'cli'}
    | {'web', 'analysis'},
}
OPEN = {'registry', 'version'}


def rooms_imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, room) of the imports of ours in a file, in functions too."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name.split('.') for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or '').split('.') if node.module else []
            if node.level:
                module = [*package[: len(package) - node.level + 1], *module]
            names = [[*module, alias.name] for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == 'uninext' and len(name) > 1 and not name[1].startswith('__'):
                yield node.lineno, name[1]


@pytest.mark.parametrize('room', sorted(p.parent.name for p in PACKAGE.glob('*/*.py')))
def test_room_is_known(room):
    assert room in ALLOWED


@pytest.mark.parametrize('room', ALLOWED)
def test_dependencies_point_one_way(room):
    allowed = ALLOWED[room] | OPEN
    wrong = [
        f'{path.relative_to(ROOT)}:{line} imports uninext.{name}'
        for path in sorted((PACKAGE / room).rglob('*.py'))
        for line, name in rooms_imported(path)
        if name not in allowed
    ]
    assert not wrong, '\n'.join(wrong)


def test_the_rule_finds_imports(tmp_path, monkeypatch):
    path = tmp_path / 'uninext' / 'models' / 'heads' / 'x.py'
    path.parent.mkdir(parents=True)
    path.write_text(
        'import uninext.apis\n'
        'from uninext import datasets\n'
        'from uninext import __version__\n'
        'def f():\n'
        '    from ...evaluation import functional\n'
        '    from ..losses import l\n'
        'import torch\n'
    )
    monkeypatch.setitem(globals(), 'ROOT', tmp_path)
    found = [room for _, room in rooms_imported(path)]
    assert sorted(found) == ['apis', 'datasets', 'evaluation', 'models']


def test_no_code_asks_which_task_it_is():
    """A task is data: it has no name that code could compare with."""
    for path in PACKAGE.rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name):
                assert node.left.id != 'task', f'{path}:{node.lineno}'


@pytest.mark.parametrize('module', ['uninext', 'uninext.cli', 'uninext.utils'])
def test_import_is_light(module):
    code = f'import sys, {module}; print({{"torch", "mmdet"}} & set(sys.modules))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.strip() == 'set()', done.stderr
