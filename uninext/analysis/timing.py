"""How long something takes, how often a second, and with how much memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

MEGABYTE = 2**20


@dataclass(frozen=True)
class Timing:
    """What was measured.

    Attributes:
        seconds: Of each call after the warm-up.
        items: Images, frames or samples of a call.
        peak_bytes: Highest memory beyond what was held before the warm-up.
    """

    seconds: tuple[float, ...]
    items: int
    peak_bytes: int

    @property
    def median(self) -> float:
        """Seconds of a call."""
        return float(np.median(self.seconds))

    @property
    def p95(self) -> float:
        """Seconds that 95 of 100 calls do not exceed."""
        return float(np.percentile(self.seconds, 95))

    @property
    def per_second(self) -> float:
        """Items a second, over all calls."""
        return self.items * len(self.seconds) / sum(self.seconds)

    def line(self, unit: str = 'images') -> str:
        """All of it, for people; ``unit`` is the plural of an item."""
        return (
            f'{self.per_second:.3g} {unit}/s; latency {_milliseconds(self.median)} '
            f'(median), {_milliseconds(self.p95)} (p95) of {len(self.seconds)} calls '
            f'of {self.items}; memory {self.peak_bytes / MEGABYTE:.0f} MB beyond the '
            'model'
        )


def measure(
    call: Callable[[], Any],
    iterations: int,
    warmup: int,
    device: str | torch.device = 'cpu',
    items: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> Timing:
    """Call something again and again.

    Args:
        call: To be measured.
        iterations: That count.
        warmup: Calls before, which do not count.
        device: Is waited for at the end of each call.
        items: Images, frames or samples of a call.
        report: Gets a line a call.
    """
    if min(iterations, items) < 1 or warmup < 0:
        raise ValueError(
            'Expected at least 1 iteration of at least 1 item and no negative warm-up, '
            f'got {iterations}, {items} and {warmup}.'
        )
    device = torch.device(device)
    before = _start_memory(device)
    seconds = []
    for number in range(warmup + iterations):
        start = time.perf_counter()
        call()
        if device.type == 'cuda':
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
        kind = 'warm-up' if number < warmup else 'call'
        report(f'{kind} {number}: {_milliseconds(seconds[-1])}')
    peak = max(_peak_memory(device) - before, 0)
    return Timing(tuple(seconds[warmup:]), items, peak)


def _milliseconds(seconds: float) -> str:
    return f'{1000 * seconds:.3g} ms' if seconds < 1 else f'{seconds:.3g} s'


def _start_memory(device: torch.device) -> int:
    """Bytes that are held now; the peak starts from here where that can be said."""
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:  # not Linux, or not allowed: the peak so far is the start
        return _peak_memory(device)
    return _resident('VmRSS')


def _peak_memory(device: torch.device) -> int:
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device)
    try:
        return _resident('VmHWM')
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == 'darwin' else 1024)


def _resident(field: str) -> int:
    """Bytes, from the status of this process."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{field}:'):
            return int(line.split()[1]) * 1024
    raise OSError(f'/proc/self/status has no {field}')
