"""Trackers of one's own: what they remember is saved, or saving is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch

from helpers.painted_world import ColorModel, frame
from helpers.session_checks import assert_same, run, through_a_file
from uninext.models.trackers import (
    Association,
    CategoryTracker,
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoSession,
)
from uninext.registry import MODELS
from uninext.structures import Memory


def scene(i: int = 0):
    """Two things that move."""
    return frame(red=(4 * i, 4, 4 * i + 16, 20), blue=(100, 4 * i, 116, 4 * i + 16))


def open_session(category=None) -> VideoSession:
    trackers = dict(
        category=category or PromptQuasiDenseTracker(),
        expression=ExpressionTracker(merge=dict(type='SoftAggregation')),
        box=TemplateTracker(dict(type='PeriodicTemplateUpdate'), template_size=32),
    )
    return VideoSession(ColorModel().eval(), trackers)


@dataclass
class CountMemory(Memory):
    """Ids of detections by their place, and how often there were as many."""

    counts: dict = field(default_factory=dict)
    places: list = field(default_factory=list)


class CountTracker(CategoryTracker):
    """Each frame names all detections anew, with a gap that it remembers."""

    memory_type = CountMemory

    def associate(self, memory, detections, ids):
        number = len(detections.scores)
        memory.counts[str(number)] = memory.counts.get(str(number), 0) + 1
        memory.places.append(detections.bboxes[:, 0])
        taken = ids.take(number * memory.counts[str(number)])
        return Association(torch.arange(number), torch.tensor(taken)[:number])


class HidingTracker(CountTracker):
    """What it keeps is its own, as in most trackers that one may find."""

    def __init__(self):
        super().__init__()
        self.own = CountMemory()

    def associate(self, memory, detections, ids):
        return super().associate(self.own, detections, ids)


class InventingTracker(CountTracker):
    """Its memory is no memory of ours."""

    def new_memory(self):
        return SimpleNamespace(counts={}, places=[])


@pytest.fixture
def own_session():
    def make(tracker) -> VideoSession:
        MODELS.register_module(module=tracker, force=True)
        own = MODELS.build(dict(type=tracker.__name__))
        session = open_session(own)
        session.add(categories=['red', 'blue'])
        return session

    yield make
    for tracker in (CountTracker, HidingTracker, InventingTracker):
        MODELS.module_dict.pop(tracker.__name__, None)


def test_a_memory_of_ones_own_is_saved(own_session):
    session = own_session(CountTracker)
    run(session, [scene(0), scene(1)])
    state = through_a_file(session.state_dict())
    expected = run(session, [scene(2), scene(3)])
    other = own_session(CountTracker)
    other.load_state_dict(state)
    for one, two in zip(expected, run(other, [scene(2), scene(3)])):
        assert_same(one, two)
    assert one.instances_ids.tolist() != [0, 1]
    again = own_session(CountTracker)
    again.load_state_dict(state)  # what was saved is not what the others go on with
    assert_same(run(again, [scene(2)])[0], expected[0])


def test_what_a_tracker_hides_is_not_lost_silently(own_session):
    """97ef9bd saved such a session, and other ids tracked."""
    session = own_session(HidingTracker)
    session.state_dict()  # nothing happened yet
    run(session, [scene(0), scene(1)])
    with pytest.raises(ValueError, match=r'category\.own.*memory_type'):
        session.state_dict()


def test_a_memory_that_cannot_be_saved_is_refused(own_session):
    session = own_session(InventingTracker)
    run(session, [scene(0)])
    with pytest.raises(ValueError, match=r"'category'.*SimpleNamespace.*Memory"):
        session.state_dict()


def test_a_saved_memory_needs_its_tracker(own_session):
    session = own_session(CountTracker)
    run(session, [scene(0)])
    state = session.state_dict()
    other = open_session()
    with pytest.raises(ValueError, match='CountMemory.*TrackMemory'):
        other.load_state_dict(state)
