"""Docstrings as the reference shows them: an extension of Griffe.

``Example:`` of Google's style is what Griffe calls ``Examples:``; cross references of
Sphinx become code.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r':(?:class|func|meth|data|attr|mod):`~?([^`]+)`')


class OurDocstrings(griffe.Extension):
    """Rewrites every docstring that is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(text: str) -> str:
    """A docstring in the words of Griffe."""
    text = re.sub(r'^( *)Example:$', r'\1Examples:', text, flags=re.M)
    return _ROLE.sub(r'`\1`', text)
