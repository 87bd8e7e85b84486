"""What a user shows of a track to correct it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uninext.models.trackers.base import (
    BOX,
    CATEGORY,
    EXPRESSION,
    MASK,
    PromptState,
    Tracker,
    VideoFrame,
)
from uninext.models.trackers.inputs import prompts_of
from uninext.models.trackers.template_tracker import is_inside, target_at_input
from uninext.structures import Target, TracksMemory


def one_target(box: Any, mask: Any) -> Target:
    """The target that is shown by one of both.

    Raises:
        ValueError: If there are none, both or several, or it cannot be used.
    """
    if (box is None) == (mask is None):
        raise ValueError('correct() takes one of box=..., mask=...')
    targets = prompts_of(None, None, None, box, mask)
    if len(targets) != 1:
        raise ValueError(
            f'correct() takes one target for its track, got {len(targets)}. Call it '
            'once for each track.'
        )
    return targets[0]


def track_ids_of(state: PromptState) -> list[int]:
    """Tracks of a prompt; those of categories until they end."""
    if state.kind != CATEGORY:
        return [state.track_id]
    return state.memory.ids.tolist() if isinstance(state.memory, TracksMemory) else []


def shown_kind(state: PromptState, target: Target) -> str:
    """How a prompt of one object is tracked once ``target`` has shown it."""
    if state.kind != EXPRESSION:
        return state.kind
    return BOX if target.mask is None else MASK


def check_correctable(
    state: PromptState, target: Target, trackers: Mapping[str, Tracker]
) -> None:
    """Raise ``ValueError`` if no tracker goes on from what is shown."""
    if state.kind == CATEGORY:
        if not getattr(trackers[CATEGORY], 'can_correct', False):
            raise ValueError(
                f'{type(trackers[CATEGORY]).__name__} does not correct tracks. Give it '
                'renew(), and set can_correct.'
            )
        return
    kind = shown_kind(state, target)
    if kind not in trackers:
        raise ValueError(
            f'This model tracks {sorted(trackers)} only; {kind!r} has no tracker, '
            "which a correction needs. Add it to the config's model.trackers."
        )


def check_shown(target: Target, frame: VideoFrame) -> None:
    """Raise ``ValueError`` if the frame cannot show the target."""
    box, _ = target_at_input(target, frame.out_size_hw, frame.size_hw)
    if not is_inside(box, frame.size_hw):
        height, width = frame.out_size_hw
        corners = ', '.join(f'{value:g}' for value in target.box().tolist())
        raise ValueError(
            f'The box ({corners}) lies outside its frame, which is {width} x {height} '
            'pixels (width x height).'
        )
