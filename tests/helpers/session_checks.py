"""Compare results and states of sessions."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from uninext.models.trackers import IdCounter, VideoSession


def associate(tracker, memory, detections):
    """The next frame, with ids that go on from those of the same memory."""
    if not hasattr(memory, 'counter'):
        memory.counter = IdCounter()
    return tracker.associate(memory, detections, memory.counter)


def run(session: VideoSession, frames: Iterable[np.ndarray]) -> list[InstanceData]:
    """The instances of each frame."""
    return [session.step(frame).pred_instances for frame in frames]


def of_prompt(result: InstanceData, prompt_id: int) -> InstanceData:
    return result[result.prompt_ids == prompt_id]


def assert_same(
    one: InstanceData, other: InstanceData, ignore: Iterable[str] = (), exact=True
) -> None:
    """All fields are there and equal; or, of floats, equal but for noise."""
    assert set(one.keys()) == set(other.keys())
    for key in set(one.keys()) - set(ignore):
        a, b = one[key], other[key]
        if exact or not a.is_floating_point():
            assert torch.equal(a, b), key
        else:
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-4)


def same_state(one: Any, other: Any) -> bool:
    """Whether two states hold the same, tensors by value."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same_state(one[key], other[key]) for key in one
        )
    return type(one) is type(other) and one == other


def num_values(state: Any) -> int:
    """How many numbers a state holds."""
    if isinstance(state, torch.Tensor):
        return state.numel()
    if isinstance(state, dict):
        return sum(num_values(value) for value in state.values())
    return 1


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    """Save, and load without trust."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
