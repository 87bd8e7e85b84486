"""Values as people write configs: ``name = dict(key=value)`` in lines that fit.

The Python that mmengine reads; expressions such as ``_base_.x`` may stand among values,
which ``mmengine.Config.dump`` cannot write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 88
_STEP = 4


@dataclass(frozen=True)
class Expression:
    """Something to be written as it is: ``_base_.coco_train``."""

    text: str


def assignments(values: Mapping[str, Any]) -> str:
    """Write an assignment for each entry: plain values and :class:`Expression`.

    Raises:
        ValueError: If a key is no name that Python takes as a keyword.
    """
    return ''.join(f'{k} = {_text(v, 0, len(k) + 3)}\n' for k, v in values.items())


def _text(value: Any, indent: int, used: int) -> str:
    """The text of a value, whose first line begins ``used`` columns from the left."""
    flat = _flat(value)
    if used + len(flat) + 1 <= WIDTH or not _is_container(value) or not value:
        return flat
    inner = indent + _STEP
    pad = ' ' * inner
    if isinstance(value, Mapping):
        entries = [
            f'{k}={_text(v, inner, inner + len(k) + 1)}' for k, v in value.items()
        ]
        start, end = 'dict(', ')'
    else:
        entries = [_text(v, inner, inner) for v in value]
        start, end = ('(', ')') if isinstance(value, tuple) else ('[', ']')
    body = ''.join(f'{pad}{entry},\n' for entry in entries)
    return f'{start}\n{body}{" " * indent}{end}'


def _flat(value: Any) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Mapping):
        wrong = [
            key for key in value if not (isinstance(key, str) and key.isidentifier())
        ]
        if wrong:
            raise ValueError(f'Keys of configs must be names, got {wrong}.')
        return f'dict({", ".join(f"{k}={_flat(v)}" for k, v in value.items())})'
    if isinstance(value, tuple):
        inside = ', '.join(map(_flat, value))
        return f'({inside},)' if len(value) == 1 else f'({inside})'
    if isinstance(value, list):
        return f'[{", ".join(map(_flat, value))}]'
    return repr(value)


def _is_container(value: Any) -> bool:
    if isinstance(value, str):
        return False
    return isinstance(value, (Mapping, Sequence))
