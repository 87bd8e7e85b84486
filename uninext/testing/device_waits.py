"""How often the host may wait for a device: a table of docs/performance.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from uninext.testing.pretend_device import Wait


def waits_by_room(waits: Iterable[Wait]) -> dict[str, int]:
    """Room or folder of ``models`` -> waits; ``'models.trackers'`` and the like."""
    rooms = ('.'.join(wait.place.split('.')[:2]) for wait in waits)
    return dict(sorted(Counter(rooms).items()))


def waits_table(allowed: Mapping[str, Mapping[str, int]]) -> str:
    """The Markdown table of what is allowed: work -> room -> waits."""
    lines = ['| work | waits | of these |', '|---|---|---|']
    for work, rooms in allowed.items():
        parts = ', '.join(f'`{room}` {count}' for room, count in rooms.items())
        lines.append(f'| {work} | {sum(rooms.values())} | {parts} |')
    return '\n'.join(lines) + '\n'
