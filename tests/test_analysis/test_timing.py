from __future__ import annotations

import numpy as np
import pytest

from uninext.analysis import timing
from uninext.analysis.timing import Timing, measure


def test_something_must_be_measured():
    for numbers in ((0, 0, 1), (1, -1, 1), (1, 0, 0)):
        with pytest.raises(ValueError, match='at least 1 iteration'):
            measure(lambda: None, numbers[0], numbers[1], items=numbers[2])


def test_the_warm_up_does_not_count(monkeypatch):
    calls, lines = [], []
    clock = iter([0, 9, 10, 18, 20, 21, 30, 33, 40, 42])  # before and after each call
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: next(clock))
    measured = measure(lambda: calls.append(1), 3, 2, items=4, report=lines.append)
    monkeypatch.undo()
    assert len(calls) == 5
    assert measured.seconds == (1, 3, 2)
    assert measured.median == 2
    assert [line.split()[0] for line in lines] == ['warm-up'] * 2 + ['call'] * 3


def test_metrics_are_those_of_the_seconds():
    seconds = tuple(float(i) for i in range(1, 101))
    measured = Timing(seconds, items=2, peak_bytes=5 * 2**20)
    assert measured.median == 50.5
    assert 95 < measured.p95 < 96.1
    assert measured.per_second == pytest.approx(2 * 100 / 5050)
    assert '50.5 s (median)' in measured.line('frames')
    assert 'memory 5 MB' in measured.line('frames')
    assert '500 ms (median)' in Timing((0.5,), 1, 0).line()


def test_memory_of_a_call_is_seen_though_it_is_given_back():
    def call() -> None:
        np.ones(60 * 2**20, dtype=np.uint8)[::4096].sum()

    small = measure(lambda: None, 1, 0).peak_bytes
    assert measure(call, 1, 0).peak_bytes > small + 40 * 2**20


def test_memory_where_the_system_does_not_tell(monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(timing.Path, 'write_text', refuse)
    monkeypatch.setattr(timing, '_resident', refuse)
    assert measure(lambda: None, 1, 0).peak_bytes >= 0
