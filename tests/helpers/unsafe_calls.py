"""Find the lines of a source that could run code which a file or a user brings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

READERS = {'load', 'loads', 'load_all', 'Unpickler', 'open', '*'}
PICKLES = ('pickle', '_pickle', 'dill', 'joblib', 'marshal', 'shelve', 'cloudpickle')
SHELL_CALLS = {
    'os': {'system', 'popen'},
    'subprocess': {'getoutput', 'getstatusoutput'},
    'asyncio': {'create_subprocess_shell'},
    'pty': {'spawn'},
}
ALWAYS = {
    *(f'{module}.{name}' for module in PICKLES for name in READERS),
    *(f'{module}.{name}' for module, of in SHELL_CALLS.items() for name in of),
    *(f'{module}.*' for module in (*SHELL_CALLS, 'torch', 'numpy', 'yaml')),
    *('builtins.eval', 'builtins.exec'),
    *('runpy.run_path', 'pandas.read_pickle', 'code.interact'),
    *('torch.jit.load', 'torch.hub.load'),
    *(
        f'yaml.{kind}_load{all_}'
        for kind in ('unsafe', 'full')
        for all_ in ('', '_all')
    ),
    *('yaml.Loader', 'yaml.UnsafeLoader', 'yaml.FullLoader'),
}
_SHELLS = r'(?:\S*/)?(?:ba|da|z|k|fi)?sh|cmd(?:\.exe)?|powershell'
_SHELL_NAME = re.compile(rf'(?:{_SHELLS})')
_SHELL_TEXT = re.compile(rf'(?:{_SHELLS})\s+-\w*c\s')
_SHELL_FLAG = re.compile(r'-\w*c|/[cCkK]|-[cC]ommand')
# Keywords of subprocess that may be given by position, and where.
_SUBPROCESS = {'Popen', 'run', 'call', 'check_call', 'check_output'}
_SHELL_PLACE = 8
_BUILTINS = ('eval', 'exec', 'compile')


def unsafe_calls(code: str, confined: set[str] = frozenset()) -> Iterator[str]:
    """What a source does that could run code of a file, or of a text.

    Args:
        code: Of Python.
        confined: Full names, such as ``pickle.Unpickler``, that it may use.
    """
    tree = ast.parse(code)
    names = _imported(tree)
    full_name = _full_name_of(names)
    for node in ast.walk(tree):
        for kind in _wrong(node, full_name):
            if kind not in confined:
                yield f'line {node.lineno}: {kind}'


def _wrong(node: ast.AST, full_name: Callable[[ast.AST], str]) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            if (name := f'{node.module}.{alias.name}') in ALWAYS:
                yield name
    elif isinstance(node, (ast.Attribute, ast.Name)):
        if (name := full_name(node)) in ALWAYS:
            yield name
    elif isinstance(node, (ast.List, ast.Tuple)):
        texts = [part.value for part in node.elts if _is_text(part)]
        if any(
            _SHELL_NAME.fullmatch(name) and _SHELL_FLAG.fullmatch(flag)
            for name, flag in zip(texts, texts[1:])
        ):
            yield 'a shell that is given a command'
    elif isinstance(node, ast.Constant):
        if _is_text(node) and _SHELL_TEXT.match(node.value):
            yield 'a shell that is given a command'
    elif isinstance(node, ast.Call):
        yield from _wrong_call(node, full_name)


def _wrong_call(call: ast.Call, full_name: Callable[[ast.AST], str]) -> Iterator[str]:
    name = full_name(call.func)
    module, _, function = name.rpartition('.')
    if name in ('torch.load', 'torch.serialization.load'):
        if not _is_given(call, 'weights_only', None, True):
            yield 'torch.load without weights_only=True'
    elif name in ('numpy.load', 'numpy.lib.format.read_array'):
        place = 2 if function == 'load' else 1
        if not _is_given(call, 'allow_pickle', place, False, absent=True):
            yield f'{name} with pickles'
    elif name in ('yaml.load', 'yaml.load_all'):
        loader = _given(call, 'Loader', 1)
        if loader is None or full_name(loader) not in (
            'yaml.SafeLoader',
            'yaml.CSafeLoader',
        ):
            yield f'{name} without SafeLoader'
    elif name in ('mmengine.load', 'mmengine.fileio.load'):
        if not _is_given(call, 'file_format', 1, 'json'):
            yield f"{name} without file_format='json'"
    elif name == 'builtins.compile':  # as a bare name it is an option of ours
        yield name
    elif name == 'builtins.getattr' and len(call.args) > 1 and _is_text(call.args[1]):
        got = f'{full_name(call.args[0])}.{call.args[1].value}'
        if got in ALWAYS:
            yield got
    if module == 'subprocess':
        place = _SHELL_PLACE if function in _SUBPROCESS else None
        if not _is_given(call, 'shell', place, False, absent=True):
            yield 'shell=True'
    else:
        shell = _given(call, 'shell', None)
        if isinstance(shell, ast.Constant) and shell.value:
            yield 'shell=True'


def _given(call: ast.Call, name: str, place: int | None) -> ast.AST | None:
    """The value of an argument; None if it is not there."""
    for given in call.keywords:
        if given.arg == name:
            return given.value
    if place is not None and len(call.args) > place:
        return call.args[place]
    return None


def _is_given(
    call: ast.Call,
    name: str,
    place: int | None,
    wanted: object,
    absent: bool = False,
) -> bool:
    """Whether an argument is, literally, what is wanted; ``absent``: if not there."""
    value = _given(call, name, place)
    if value is not None:
        return isinstance(value, ast.Constant) and value.value == wanted
    starred = any(isinstance(arg, ast.Starred) for arg in call.args)
    hidden = any(given.arg is None for given in call.keywords)
    return absent and not hidden and not (starred and place is not None)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Local names of what is imported anywhere in a source: full names."""
    names = {name: f'builtins.{name}' for name in (*_BUILTINS, 'getattr')}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
                else:
                    first = alias.name.partition('.')[0]
                    names[first] = first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f'{node.module}.{alias.name}'
    return names


def _full_name_of(names: dict[str, str]) -> Callable[[ast.AST], str]:
    """From an expression to its full name; '' if it is none, or of something local."""

    def full_name(node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return names.get(node.id, '')
        if isinstance(node, ast.Attribute):
            owner = full_name(node.value)
            return f'{owner}.{node.attr}' if owner else ''
        return ''

    return full_name
