"""Seconds by the number of prompts, by size, and by the length of a video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from uninext.analysis.speed_inputs import resident_mb
from uninext.analysis.speed_rows import SpeedRows, wanted

POINTS = {
    'categories': (1, 20, 80, 160, 365),
    'expressions': (1, 4, 16, 32),
    'targets': (1, 4, 16, 32),
    'short side': (320, 480, 640, 800),
}
_COLOURS = ('', 'red ', 'blue ', 'green ', 'white ', 'black ')


def growth(
    rows: SpeedRows,
    words: Sequence[str] = (),
    points: Mapping[str, Sequence[int]] = POINTS,
) -> dict[str, dict[str, float]]:
    """Seconds of an image or a frame: axis -> point -> median of two calls.

    Args:
        rows: The work; its ``names`` are named in several colours, for long lists.
        words: Axes that have one of them (default: all).
        points: Axis -> points.
    """
    makers = {
        'categories': lambda n: _detection(rows, rows.size_hw, _names(rows, n)),
        'expressions': lambda n: rows.session(expression=n),
        'targets': lambda n: rows.session(box=n),
        'short side': lambda n: _detection(rows, _size(rows, n), rows.names),
    }
    return {
        axis: {
            str(n): rows.time(f'{axis}: {n}', make(n), calls=2).seconds
            for n in points[axis]
        }
        for axis, make in makers.items()
        if wanted(axis, words)
    }


def frames_growth(
    rows: SpeedRows, marks: Sequence[int], at_once: int = 20
) -> dict[str, dict[str, float]]:
    """A long video, 8 categories tracked: seconds and memory at some of its frames.

    Args:
        rows: The work; ``size_hw`` is that of frames.
        marks: Numbers of frames, ascending.
        at_once: The median of so many frames, up to the mark.
    """
    step, seconds = rows.session(categories=8), []
    found: dict[str, float] = {}
    memory: dict[str, float] = {}
    for number in range(1, max(marks) + 1):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
        if number in marks:
            found[str(number)] = float(np.median(seconds[-at_once:]))
            memory[str(number)] = resident_mb()
            rows.report(f'frame {number}: {found[str(number)]:.3f} s')
    return {'frames': found, 'frames, memory in MB': memory}


def _detection(
    rows: SpeedRows, size_hw: tuple[int, int], names: Sequence[str]
) -> Callable[[], Any]:
    return lambda: rows.detect(size_hw, names)


def _names(rows: SpeedRows, number: int) -> list[str]:
    def named() -> Iterator[str]:
        for colour in _COLOURS:
            yield from (colour + name for name in rows.names)

    return list(named())[:number]


def _size(rows: SpeedRows, short: int) -> tuple[int, int]:
    """Of the large image's aspect."""
    tall, wide = rows.large_hw
    return short, short * wide // tall
