"""Memory of a session over many frames, as a table and as a plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from uninext.analysis.speed_inputs import resident_mb
from uninext.utils.figures import figure_path, save_figure

SETTLED = 0.2  # of the frames, until caches are full


@dataclass(frozen=True)
class MemoryPoint:
    """What is held after some frames.

    Attributes:
        frame: How many frames there were.
        resident_mb: Memory of the process.
        state_kb: What the session remembers, as it is saved.
        num_objects: Instances of the newest frame.
    """

    frame: int
    resident_mb: float
    state_kb: float
    num_objects: int


def watch_memory(
    step: Callable[[np.ndarray], int],
    state: Callable[[], Mapping[str, Any]],
    frames: Iterable[np.ndarray],
    every: int,
) -> Iterator[MemoryPoint]:
    """Step through frames, and look at the memory after every so many.

    Args:
        step: Takes a frame, returns the number of its instances.
        state: What the session remembers.
        frames: Of the video; none of them is held.
        every: Frames.
    """
    for number, frame in enumerate(frames, start=1):
        count = step(frame)
        if number % every == 0:
            kilobytes = num_bytes(state()) / 1000
            yield MemoryPoint(number, resident_mb(), kilobytes, count)


def num_bytes(state: Any) -> int:
    """Of all tensors and arrays of a state, in any depth."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, np.ndarray):
        return state.nbytes
    if isinstance(state, Mapping):
        return sum(map(num_bytes, state.values()))
    return sum(map(num_bytes, state)) if isinstance(state, (list, tuple)) else 0


def growth_mb(points: Sequence[MemoryPoint]) -> float:
    """Growth of the process in 1000 frames, by least squares; NaN of fewer than two.

    The first fifth, in which caches fill, does not count.
    """
    settled = points[int(len(points) * SETTLED) :]
    if len(settled) < 2:
        return float('nan')
    frames = [point.frame for point in settled]
    return 1000 * float(np.polyfit(frames, [p.resident_mb for p in settled], 1)[0])


def draw_memory(points: Sequence[MemoryPoint], out: str | Path, title: str) -> Path:
    """Draw memory over frames, and return the path of the image.

    Raises:
        ValueError: If there is no such format.
    """
    out = figure_path(out)
    from matplotlib.figure import Figure

    figure = Figure((7.0, 4.0), layout='constrained')
    upper, lower = figure.subplots(2, 1, sharex=True)
    frames = [point.frame for point in points]
    for axis, name, values in (
        (upper, 'process, MB', [point.resident_mb for point in points]),
        (lower, 'session, kB', [point.state_kb for point in points]),
    ):
        axis.plot(frames, values)
        axis.set_ylabel(name)
        axis.set_ylim(0, 1.2 * max([*values, 1]))
        axis.grid(alpha=0.3)
    lower.set_xlabel('frame')
    figure.suptitle(title)
    save_figure(figure, out)
    return out
