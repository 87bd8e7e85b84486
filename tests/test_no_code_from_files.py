"""No line of ours runs code that a file or a user brings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from helpers.tools import ROOT

SOURCES = [
    path
    for folder in ('uninext', 'tools', 'demo')
    for path in sorted((ROOT / folder).rglob('*.py'))
]
# a reader that finds no class at all: tests/test_converters/test_refer.py
CONFINED = {'uninext/converters/refer.py': {'Unpickler'}}
UNPICKLING = {'load', 'loads', 'Unpickler'}
SHELL = {'system', 'popen', 'getoutput', 'getstatusoutput'}
WATCHED = {
    **dict.fromkeys(('pickle', 'dill', 'joblib', 'marshal', 'shelve'), UNPICKLING),
    **dict.fromkeys(('os', 'subprocess'), SHELL),
    'torch': {'load'},
}


def keyword(call: ast.Call, name: str) -> object:
    """The literal that a keyword is given; None: absent or not literal."""
    for given in call.keywords:
        if given.arg == name and isinstance(given.value, ast.Constant):
            return given.value.value
    return None


def wrong_calls(code: str, confined: set[str] = frozenset()) -> Iterator[str]:
    """What a source does that could run code of a file, or of a text."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module in WATCHED:
            for alias in node.names:
                if alias.name in WATCHED[node.module] - confined:
                    yield f'line {node.lineno}: imports {node.module}.{alias.name}'
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in WATCHED and alias.asname:
                    yield f'line {node.lineno}: {alias.name} under another name'
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            if module in ('pickle', 'dill', 'joblib', 'marshal', 'shelve'):
                if name in UNPICKLING - confined:
                    yield f'line {node.lineno}: {module}.{name}'
            elif module in ('os', 'subprocess') and name in SHELL:
                yield f'line {node.lineno}: {module}.{name}'
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ('eval', 'exec', 'compile'):
            yield f'line {node.lineno}: {called}'
        elif called == 'torch.load' and keyword(node, 'weights_only') is not True:
            yield f'line {node.lineno}: torch.load without weights_only=True'
        elif called in ('np.load', 'numpy.load') and keyword(node, 'allow_pickle'):
            yield f'line {node.lineno}: {called} with pickles'
        elif called == 'yaml.load':
            yield f'line {node.lineno}: yaml.load'
        elif keyword(node, 'shell'):
            yield f'line {node.lineno}: a shell'


def test_no_code_of_files_is_run():
    found = {}
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        found[name] = list(wrong_calls(path.read_text(), CONFINED.get(name, set())))
    assert len(found) > 300
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    'code',
    [
        'pickle.load(f)',
        'import pickle as p',
        'from torch import load',
        'from subprocess import getoutput',
        'from pickle import loads',
        'class A(pickle.Unpickler): pass',
        'torch.load(f)',
        'torch.load(f, weights_only=False)',
        'np.load(f, allow_pickle=True)',
        'subprocess.run(x, shell=True)',
        'os.system(x)',
        'eval(x)',
        'yaml.load(x)',
    ],
)
def test_what_would_be_found(code):
    assert list(wrong_calls(code))


@pytest.mark.parametrize(
    'code',
    ['', 'pickle.dumps(x)', 'torch.load(f, weights_only=True)', 'model.eval()'],
)
def test_what_is_fine(code):
    assert not list(wrong_calls(code))
