"""A rule that pairs keys of two layouts, read in both directions.

Placeholders: ``{i}``, ``{j}``, ``{k}`` a number; ``{p}`` weight or bias; ``{bn}`` what
a frozen batch norm has; ``{axis}`` h or w; ``{rest}`` anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

from torch import Tensor

PLACEHOLDERS = {
    'i': r'\d+',
    'j': r'\d+',
    'k': r'\d+',
    'p': 'weight|bias',
    'bn': 'weight|bias|running_mean|running_var',
    'axis': 'h|w',
    'rest': '.+',
}


@cache
def compile_template(template: str) -> re.Pattern[str]:
    """Turn a template of a rule into a pattern with a named group per placeholder.

    Example:
        >>> compile_template('a.{i}.{p}').fullmatch('a.3.bias').groupdict()
        {'i': '3', 'p': 'bias'}
    """
    parts = re.split(r'\{(\w+)\}', template)
    pattern = ''
    for n, part in enumerate(parts):
        pattern += f'(?P<{part}>{PLACEHOLDERS[part]})' if n % 2 else re.escape(part)
    return re.compile(pattern)


@dataclass(frozen=True)
class KeyRule:
    """A key pattern in both layouts.

    Attributes:
        published: Template of the published key.
        ours: Template of our key, with the same placeholders.
        alias: Template of a second published key of the same tensor, or None.
        as_row: Whether the published tensor is a row (1, C) and ours the vector (C,).
    """

    published: str
    ours: str
    alias: str | None = None
    as_row: bool = False

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        templates = (self.published, self.ours, self.alias)
        return {t: compile_template(t) for t in templates if t is not None}

    def translate(self, key: str, source: str, target: str) -> str | None:
        """Put a key of the template ``source`` into ``target``; None: no match."""
        match = self._patterns[source].fullmatch(key)
        return target.format(**match.groupdict()) if match else None

    def tensor_of_ours(self, key: str, published: Tensor) -> Tensor:
        """Give a published tensor our shape; a view, or itself.

        Raises:
            ValueError: If it has not the shape of this rule; names ``key``.
        """
        if not self.as_row:
            return published
        if published.dim() != 2 or published.shape[0] != 1:
            raise ValueError(
                f'{key}: expected a row of shape (1, C), got {tuple(published.shape)}.'
            )
        return published[0]

    def tensor_of_published(self, ours: Tensor) -> Tensor:
        """Give a tensor of ours the published shape; a view, or itself."""
        return ours[None] if self.as_row else ours


def matches_any(key: str, templates: Iterable[str]) -> str | None:
    """The first of the templates that a key matches, or None."""
    for template in templates:
        if compile_template(template).fullmatch(key):
            return template
    return None
