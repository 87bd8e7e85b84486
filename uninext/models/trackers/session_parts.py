"""What a session is made of besides its frames: modes, updates, saved prompts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from torch import nn

from uninext.models.trackers.base import PromptState
from uninext.structures import Memory, TrackUpdate


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; afterwards every module is in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def updates_of(
    updates: Iterable[tuple[int, TrackUpdate | None]],
) -> list[TrackUpdate]:
    """What there is to be told, with the prompts that it is of."""
    return [
        update._replace(prompt_id=prompt_id)
        for prompt_id, update in updates
        if update is not None
    ]


def packed_state(state: PromptState) -> dict[str, Any]:
    """A prompt as it is saved; ``ValueError`` if its memory cannot be."""
    prompt, memory = state.prompt, state.memory
    if not isinstance(memory, (Memory, type(None))):
        raise ValueError(
            f'What the tracker of {state.kind!r} remembers cannot be saved: it is a '
            f'{type(memory).__name__}, expected a uninext.structures.Memory.'
        )
    return dict(
        kind=state.kind,
        track_id=state.track_id,
        prompt=None if prompt is None else asdict(prompt),
        memory=None if memory is None else memory.state_dict(),
        memory_type=None if memory is None else type(memory).__name__,
    )
