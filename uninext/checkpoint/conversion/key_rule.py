"""A rule that pairs keys of two layouts, read in both directions.

Placeholders: ``{i}``, ``{j}`` a number; ``{p}`` weight or bias; ``{bn}`` what a frozen
batch norm has; ``{axis}`` h or w; ``{rest}`` anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

PLACEHOLDERS = {
    'i': r'\d+',
    'j': r'\d+',
    'p': 'weight|bias',
    'bn': 'weight|bias|running_mean|running_var',
    'axis': 'h|w',
    'rest': '.+',
}


@dataclass(frozen=True)
class KeyRule:
    """A key in both layouts, as templates with the same placeholders.

    Attributes:
        published: Of the published key.
        ours: Of our key.
        alias: Of a second published key of the same tensor, or None.
        as_row: Whether the published tensor is a row (1, C) and ours the vector (C,).
    """

    published: str
    ours: str
    alias: str | None = None
    as_row: bool = False


def rules_of(
    table: str, published: str = '', ours: str = '', alias: str | None = None
) -> list[KeyRule]:
    """Rules of a table: in each line a published key and ours, behind these prefixes.

    Args:
        table: Lines of two templates.
        published: Prefix of the published keys.
        ours: Prefix of our keys.
        alias: Prefix of a second published key of each tensor.
    """
    pairs = [line.split() for line in table.strip().splitlines()]
    return [
        KeyRule(published + old, ours + new, None if alias is None else alias + old)
        for old, new in pairs
    ]


@cache
def compile_template(template: str) -> re.Pattern[str]:
    """A pattern with a named group for each placeholder.

    Example:
        >>> compile_template('a.{i}.{p}').fullmatch('a.3.bias').groupdict()
        {'i': '3', 'p': 'bias'}
    """
    parts = re.split(r'\{(\w+)\}', template)
    parts[::2] = map(re.escape, parts[::2])
    parts[1::2] = [f'(?P<{name}>{PLACEHOLDERS[name]})' for name in parts[1::2]]
    return re.compile(''.join(parts))


def translate(key: str, source: str, target: str) -> str:
    """Put a key of the template ``source`` into ``target``; '' if it does not match."""
    match = compile_template(source).fullmatch(key)
    return target.format(**match.groupdict()) if match else ''


def reason_of(key: str, reasons: Mapping[str, str]) -> str | None:
    """The reason of the first template that a key matches; None: it matches none."""
    matching = (t for t in reasons if compile_template(t).fullmatch(key))
    return next((reasons[template] for template in matching), None)
