"""What a tracker keeps on itself is seen, one level deep."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from uninext.models.trackers.hidden_state import changed, digests


def test_nothing_is_kept():
    assert digests({}) == {}
    assert digests({'box': SimpleNamespace()}) == {}
    assert changed({}, {}) == []


def test_attributes_and_those_of_attributes():
    inner = SimpleNamespace(interval=2, seen=[])
    tracker = SimpleNamespace(update=inner, thr=0.5, memory_type=dict)
    before = digests({'box': tracker})
    paths = ['box.memory_type', 'box.thr', 'box.update.interval', 'box.update.seen']
    assert sorted(before) == paths
    assert changed(before, digests({'box': tracker})) == []
    inner.seen.append(1)
    tracker.thr = 0.6
    assert changed(before, digests({'box': tracker})) == ['box.thr', 'box.update.seen']


def test_a_class_is_a_value():
    """Its attributes are not those of a tracker."""

    class Own:
        count = 0

    tracker = SimpleNamespace(memory_type=Own)
    assert list(digests({'box': tracker})) == ['box.memory_type']


def test_a_tensor_is_seen():
    """9ff7657 took it for what its ``__dict__`` holds, which is nothing."""
    tracker = SimpleNamespace(last=torch.zeros(2))
    before = digests({'box': tracker})
    assert changed(before, digests({'box': tracker})) == []
    tracker.last[1] = 3
    assert changed(before, digests({'box': tracker})) == ['box.last']


def test_what_comes_and_goes():
    tracker = SimpleNamespace(a=torch.zeros(2))
    before = digests({'box': tracker})
    tracker.b = tracker.__dict__.pop('a')
    assert changed(before, digests({'box': tracker})) == ['box.a', 'box.b']


def test_functions_are_told_apart_by_which_they_are():
    tracker = SimpleNamespace(rule=lambda: 1)
    before = digests({'box': tracker})
    assert changed(before, digests({'box': tracker})) == []
    kept, tracker.rule = tracker.rule, lambda: 1
    assert changed(before, digests({'box': tracker})) == ['box.rule']
    assert kept() == 1
