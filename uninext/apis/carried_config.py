"""Configs that files of weights carry, as data: nothing in them is executed.

A text such as mmengine writes into checkpoints enters, a dictionary of plain values
leaves. ``Config.fromstring`` would run it as Python; weights of strangers are read here
too, so only what is a value is understood, and only names of registered types may be
built.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

# A name of ours, or one of mmpretrain or mmdet; nothing that could be imported.
_TYPE_NAME = re.compile(r'((mmpretrain|mmdet)\.)?\w+', re.ASCII)


def read_config_text(text: str) -> dict[str, Any]:
    """Read assignments of plain values: ``model = dict(type='UNINEXT', ...)``.

    Args:
        text: As ``Config.pretty_text`` writes it.

    Returns:
        Values by name: numbers, texts, dicts, lists, tuples, sets, None.

    Raises:
        ValueError: If it is not Python, or something in it is no plain value.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, RecursionError) as error:
        raise ValueError(f'The text of the config cannot be read: {error}.') from None
    values = {}
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not _is_name(statement.targets):
            raise _not_plain(statement)
        values[statement.targets[0].id] = _value_of(statement.value)
    return values


def check_types(value: Any) -> None:
    """Refuse types that are no plain names of a registry.

    mmengine imports what a ``type`` with dots names, and calls it.

    Args:
        value: A config, or a part of one.

    Raises:
        ValueError: If a ``type`` is something else.
    """
    if isinstance(value, Mapping):
        kind = value.get('type')
        if isinstance(kind, str) and not _TYPE_NAME.fullmatch(kind):
            raise ValueError(
                f'The config asks for the type {kind!r}. Out of a file of weights only '
                'plain names are built (and mmpretrain.NAME, mmdet.NAME), so that it '
                'cannot run code of its choice.'
            )
        for part in value.values():
            check_types(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            check_types(part)


def _is_name(targets: list[ast.expr]) -> bool:
    return len(targets) == 1 and isinstance(targets[0], ast.Name)


def _value_of(node: ast.expr) -> Any:
    """``ast.literal_eval``, and ``dict(key=value)`` as mmengine writes it."""
    if isinstance(node, ast.Call) and _is_dict_of_keywords(node):
        return {part.arg: _value_of(part.value) for part in node.keywords}
    if isinstance(node, (ast.List, ast.Tuple)):
        kind = list if isinstance(node, ast.List) else tuple
        return kind(_value_of(part) for part in node.elts)
    try:
        if isinstance(node, ast.Dict) and None not in node.keys:
            pairs = zip(node.keys, node.values)
            return {ast.literal_eval(key): _value_of(value) for key, value in pairs}
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise _not_plain(node) from None


def _is_dict_of_keywords(node: ast.Call) -> bool:
    is_dict = isinstance(node.func, ast.Name) and node.func.id == 'dict'
    return is_dict and not node.args and all(part.arg for part in node.keywords)


def _not_plain(node: ast.AST) -> ValueError:
    return ValueError(
        f'The config holds something that is no plain value, in line {node.lineno}: '
        f'{ast.unparse(node)[:80]!r}.'
    )
