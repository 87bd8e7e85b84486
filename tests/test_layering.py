"""Dependencies point one way, and no code asks which task it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.tools import ROOT

PACKAGE = ROOT / 'uninext'

# What each room may import of ours. registry and version are open to all rooms.
BASE = {'utils', 'formats', 'structures'}
ALLOWED = {
    'utils': {'utils'},
    'formats': {'utils', 'formats'},
    'structures': {'utils', 'structures'},
    'datasets': BASE | {'datasets'},
    'converters': BASE | {'converters'},
    'checkpoint': BASE | {'checkpoint'},
    'models': BASE | {'models', 'checkpoint'},
    'evaluation': BASE | {'evaluation'},
    'visualization': BASE | {'visualization'},
    'engine': BASE | {'engine', 'checkpoint'},
    'testing': BASE | {'models', 'checkpoint', 'engine', 'testing'},
    'analysis': BASE | {'models', 'datasets', 'visualization', 'analysis'},
    'assets': {'assets'},
    'model_zoo': {'utils', 'assets', 'checkpoint'},
    'apis': BASE
    | {'models', 'datasets', 'evaluation', 'visualization', 'engine', 'apis', 'assets'}
    | {'checkpoint', 'export', 'model_zoo'},
    'export': BASE | {'checkpoint', 'models', 'export'},
    'fine_tuning': BASE
    | {'datasets', 'visualization', 'checkpoint', 'model_zoo', 'fine_tuning'},
    'shapes': BASE
    | {'models', 'datasets', 'converters', 'evaluation', 'visualization', 'engine'}
    | {'apis', 'checkpoint', 'fine_tuning', 'shapes'},
    'labelling': BASE | {'apis', 'labelling'},
    'web': BASE | {'datasets', 'models', 'visualization', 'apis', 'shapes', 'web'},
    'cli': BASE
    | {'models', 'datasets', 'evaluation', 'visualization', 'engine', 'apis', 'cli'}
    | {'web', 'analysis', 'checkpoint', 'export', 'fine_tuning', 'model_zoo', 'shapes'}
    | {'labelling'},
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


def test_every_room_is_known():
    assert {path.parent.name for path in PACKAGE.glob('*/*.py')} <= set(ALLOWED)


@pytest.mark.parametrize('room', ALLOWED)
def test_dependencies_point_one_way(room):
    allowed = ALLOWED[room] | OPEN
    wrong = [
        f'{path.relative_to(ROOT)}:{line} imports uninext.{name}'
        for path in [
            *PACKAGE.glob(f'{room}.py'),
            *sorted((PACKAGE / room).rglob('*.py')),
        ]
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


def asks_for_the_task(source: str) -> list[int]:
    """Lines that choose by a task's name: comparison, ``match`` or table."""

    def is_task(node: ast.AST | None) -> bool:
        names = {ast.Name: 'id', ast.Attribute: 'attr'}
        name = getattr(node, names.get(type(node), ''), None)
        return name == 'task'

    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            asked = [node.subject]
        elif isinstance(node, ast.Subscript):
            asked = [node.slice]
        else:
            continue
        lines += [node.lineno for one in asked if is_task(one)]
    return lines


@pytest.mark.parametrize(
    'source',
    [
        "if task == 'sot': pass",
        "if 'sot' == task: pass",
        "if sample.task in ('sot', 'vos'): pass",
        'match sample.task:\n    case _: pass',
        'HANDLERS[task](x)',
    ],
)
def test_the_rule_finds_tasks(source):
    assert asks_for_the_task(source) == [1]


@pytest.mark.parametrize('room', sorted(set(ALLOWED) - {'shapes', 'assets'}))
def test_no_code_asks_which_task_it_is(room):
    """A task is data: it has no name to choose by (the report of shapes lists them)."""
    for path in (PACKAGE / room).rglob('*.py'):
        assert not asks_for_the_task(path.read_text()), path
