"""Numbers that count something, and scores."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any


def check_count(value: Any, name: str) -> None:
    """Raise ``ValueError``, with the name, if it is no whole number from 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f'{name} must be a whole number from 1, got {value!r:.40}.')


def check_score(value: Any, name: str) -> None:
    """Raise ``ValueError``, with the name, if it is no number in 0..1."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f'{name} must be a number in 0..1, got {value!r:.40}.')
