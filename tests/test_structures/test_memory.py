from __future__ import annotations

import io
from dataclasses import dataclass, field, fields, replace

import pytest
import torch

from uninext.structures import InstanceMemory, Template, TemplateMemory, TrackMemory
from uninext.structures.memory import Memory


def template(value: float = 1.0) -> Template:
    return Template(
        torch.full((3, 4, 4), value), torch.zeros(4, 4), torch.ones(4, 4) / 2
    )


def instance_memory() -> InstanceMemory:
    return InstanceMemory(
        ids=torch.tensor([3, 7]),
        embeds=torch.rand(2, 3, 4),
        embed_scores=torch.rand(2, 3),
        seen_frames=torch.tensor([4, 1]),
        last_frames=torch.tensor([5, 6]),
        score_sums=torch.tensor([[2.0, 1.0], [0.5, 0.25]]),
        valid_frames=torch.tensor([4, 0]),
        frame=7,
    )


def track_memory() -> TrackMemory:
    return TrackMemory(
        torch.tensor([2]), torch.rand(1, 4), torch.tensor([1]), torch.tensor([0])
    )


MEMORIES = {
    'track_empty': TrackMemory,
    'instance_empty': InstanceMemory,
    'track': track_memory,
    'instance': instance_memory,
    'template': lambda: TemplateMemory(template()),
    'template_updated': lambda: TemplateMemory(template(), template(2.0), 9, 0.8),
}


def assert_equal(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif hasattr(a, '__dataclass_fields__'):
        for f in fields(a):
            assert_equal(getattr(a, f.name), getattr(b, f.name))
    else:
        assert a == b


@pytest.mark.parametrize('make', MEMORIES.values(), ids=MEMORIES)
def test_saved_and_restored_without_pickled_code(make):
    memory = make()
    file = io.BytesIO()
    torch.save(memory.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert_equal(type(memory).from_state_dict(state), memory)


@pytest.mark.parametrize('make', MEMORIES.values(), ids=MEMORIES)
def test_moves_between_devices(make):
    memory = make()
    moved = memory.to('meta')
    for value in moved.state_dict().values():
        parts = value.values() if isinstance(value, dict) else [value]
        for part in parts:
            assert not isinstance(part, torch.Tensor) or part.device.type == 'meta'
    assert_equal(memory.to('cpu'), memory)


@dataclass
class OwnMemory(Memory):
    """Of a tracker that somebody wrote."""

    parts: dict = field(default_factory=dict)
    name: str = 'dog'


def test_parts_of_a_memory_may_be_nested():
    like_a_template = {'image': torch.ones(1), 'padding': 2, 'other': 3}
    parts = {'a': [template(), (torch.ones(2), 3)], 'b': {'c': 'd'}, 'e': None}
    memory = OwnMemory({**parts, 'f': like_a_template}, 'cat')
    file = io.BytesIO()
    torch.save(memory.state_dict(), file)
    file.seek(0)
    restored = OwnMemory.from_state_dict(torch.load(file, weights_only=True))
    for twin in (restored, memory.to('cpu')):
        assert twin.name == 'cat'
        assert list(twin.parts) == ['a', 'b', 'e', 'f']
        shown, (ones, three) = twin.parts['a']
        assert isinstance(twin.parts['a'], list)
        assert isinstance(twin.parts['a'][1], tuple)
        assert_equal(shown, template())
        assert (ones.tolist(), three, twin.parts['b']) == ([1, 1], 3, {'c': 'd'})
        assert twin.parts['e'] is None
        assert twin.parts['f'] == like_a_template
    moved = memory.to('meta').parts['a']
    assert moved[0].image.device.type == moved[1][0].device.type == 'meta'


def test_the_state_of_another_memory_is_refused():
    state = TrackMemory().state_dict()
    with pytest.raises(ValueError, match=r"InstanceMemory.*missing \['embed_scores'"):
        InstanceMemory.from_state_dict(state)


def test_empty_memories_hold_nothing():
    assert len(TrackMemory()) == len(InstanceMemory()) == 0
    assert InstanceMemory().mean_scores(torch.zeros(0, dtype=torch.int64)).numel() == 0


def test_a_new_memory_is_at_the_first_frame():
    memories = TrackMemory(), InstanceMemory(), TemplateMemory(template())
    assert [memory.frame for memory in memories] == [0, 0, 0]
    assert memories[2].last_score == 1
    assert memories[2].latest is None


def test_instances_of_the_class_share_no_tensor():
    a, b = TrackMemory(), TrackMemory()
    assert a.ids is not b.ids
    assert replace(a).ids is a.ids


def test_mean_scores_are_sums_over_valid_frames():
    memory = instance_memory()
    means = memory.mean_scores(torch.tensor([7, 3, 3]))
    expected = [[0.5, 0.25], [0.5, 0.25], [0.5, 0.25]]
    assert torch.equal(means, torch.tensor(expected))


@pytest.mark.parametrize('memory', [InstanceMemory(), instance_memory()])
def test_mean_scores_of_a_forgotten_track_are_refused(memory):
    with pytest.raises(ValueError, match='before a track ends'):
        memory.mean_scores(torch.tensor([4]))


def test_a_prompt_shows_the_latest_template_once_there_is_one():
    memory = TemplateMemory(template())
    assert memory.templates == (memory.first,)
    memory.latest = template(2.0)
    assert memory.templates == (memory.first, memory.latest)
