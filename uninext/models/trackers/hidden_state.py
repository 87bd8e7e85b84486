"""What trackers keep on themselves, where no saved session has it.

They hold settings only; what a video leaves behind is in the memory that they are
given. One of a user's own may do otherwise: then saving must not lose it silently.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

UNPICKLABLE = (pickle.PicklingError, TypeError, AttributeError, RecursionError)


def digests(trackers: Mapping[str, object]) -> dict[str, str]:
    """Digests of the attributes of trackers, and of what those are made of.

    E.g. ``'category.init_score_thr'`` -> digest of its value.
    """
    return {
        path: _digest(value)
        for kind, tracker in trackers.items()
        for path, value in _attributes(kind, tracker)
    }


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Attributes that are other than they were, new, or gone."""
    paths = sorted({*before, *now})
    return [path for path in paths if before.get(path) != now.get(path)]


def _attributes(kind: str, tracker: object) -> Iterator[tuple[str, Any]]:
    for name, value in vars(tracker).items():
        inner = {} if isinstance(value, type) else getattr(value, '__dict__', {})
        for part in inner:
            yield f'{kind}.{name}.{part}', inner[part]
        if not inner:  # such as a tensor, which has a __dict__
            yield f'{kind}.{name}', value


def _digest(value: Any) -> str:
    """Of its contents; of what cannot be pickled (a function), which one it is."""
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except UNPICKLABLE:
        return f'{type(value).__name__} at {id(value)}'
