"""What a session is asked for: prompts that come, are corrected, and go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from uninext.models.trackers.base import (
    BOX,
    CATEGORY,
    EXPRESSION,
    MASK,
    IdCounter,
    PromptState,
    Tracker,
)
from uninext.models.trackers.corrections import (
    check_correctable,
    one_target,
    track_ids_of,
)
from uninext.models.trackers.inputs import prompts_of
from uninext.structures import Memory, Prompt, Target


class SessionPrompts(ABC):
    """The prompts of a :class:`VideoSession`, with what they remember.

    Args:
        trackers: Per kind of prompt its tracker.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self.trackers = dict(trackers)
        self._ids = IdCounter()
        self._next_prompt = 0
        self._prompts: dict[int, PromptState] = {}
        self._waiting: dict[int, Target] = {}  # waiting for the frame that shows them
        self._corrections: dict[int, Target] = {}  # likewise, by track

    def add(
        self,
        prompt: Prompt | Target | Sequence[str] | str | None = None,
        *,
        categories: str | Sequence[str] | None = None,
        expression: str | None = None,
        box: Any = None,
        mask: Any = None,
        shown_in: np.ndarray | None = None,
    ) -> list[int]:
        """Ask for something from the next frame on.

        Give one of these. Boxes and masks show their targets in the next frame that
        ``step`` gets, or in another image.

        Args:
            prompt: A list of categories, an expression, a :class:`Prompt`, a
                :class:`Target`.
            categories: Names, ``'person, car'`` or a list; everything that is one of
                them is tracked.
            expression: What the wanted object looks like or does.
            box: (4,) xyxy in pixels of the frame, or (n, 4) for n targets.
            mask: (height, width) bool, or (n, height, width) for n targets.
            shown_in: (H, W, 3) uint8 BGR of any size: the image that shows the targets
                of ``box`` or ``mask``, whose pixels they are in; None: the next frame.

        Returns:
            Ids of the prompts, one a target.

        Raises:
            ValueError: If nothing or several objects are given, one is empty or of
                another type, not in the image that is to show it, or the model has no
                tracker for it. The session is then as it was before.
        """
        prompts = prompts_of(prompt, categories, expression, box, mask, shown_in)
        states = [self._new_state(one) for one in prompts]
        return [self._add(*pair) for pair in zip(prompts, states)]

    def remove(self, prompt_id: int) -> None:
        """Stop asking for something.

        Raises:
            ValueError: If there is no such prompt.
        """
        for track_id in track_ids_of(self._state(prompt_id)):
            self._corrections.pop(track_id, None)
        del self._prompts[prompt_id]
        self._waiting.pop(prompt_id, None)

    def correct(self, track_id: int, *, box: Any = None, mask: Any = None) -> None:
        """Show where a track is in the next frame; it keeps its id.

        It is reported there as it is shown, and known from then on by what is shown: a
        target by a new first template, one of several categories by a new embedding.
        What an expression means is tracked as a target from then on. To correct a frame
        that ``step`` had already, give it to ``step`` again.

        Args:
            track_id: Of ``instances_ids``. A lost track can be corrected until it ends.
            box: (4,) xyxy in pixels of the frame.
            mask: (H, W) bool. Give one of both.

        Raises:
            ValueError: If there is no such track (it says which there are), not one
                target is given, or the model has no tracker for it.
        """
        prompt_id = self._owner(track_id)
        state, target = self._prompts[prompt_id], one_target(box, mask)
        check_correctable(state, target, self.trackers)
        if prompt_id in self._waiting:  # no frame has shown it
            self._waiting[prompt_id] = target
        else:
            self._corrections[track_id] = target

    @property
    def track_ids(self) -> tuple[int, ...]:
        """Tracks that can be corrected; those of categories until they end."""
        ids = [i for state in self._prompts.values() for i in track_ids_of(state)]
        return tuple(sorted(ids))

    def track_of(self, prompt_id: int) -> int:
        """The track of the one object that an expression or target means.

        Raises:
            ValueError: If there is no such prompt, or it is a list of categories.
        """
        state = self._state(prompt_id)
        if state.kind == CATEGORY:
            raise ValueError(
                f'Prompt {prompt_id} is a list of categories, which may have several '
                'tracks; track_ids lists all.'
            )
        return state.track_id

    def _owner(self, track_id: int) -> int:
        """The prompt of a track."""
        for prompt_id, state in self._prompts.items():
            if track_id in track_ids_of(state):
                return prompt_id
        raise ValueError(
            f'There is no track {track_id}; there are {list(self.track_ids)}. One that '
            'has ended can be asked for anew, by its box.'
        )

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """What is asked for at present."""
        return tuple(self._prompts)

    def names_of(self, prompt_id: int) -> tuple[str, ...]:
        """What the labels of a prompt's instances mean.

        Raises:
            ValueError: If there is no such prompt.
        """
        prompt = self._state(prompt_id).prompt
        return ('target',) if prompt is None else prompt.names

    def _state(self, prompt_id: int) -> PromptState:
        if prompt_id not in self._prompts:
            raise ValueError(
                f'There is no prompt {prompt_id}; there are {sorted(self._prompts)}.'
            )
        return self._prompts[prompt_id]

    def _new_state(self, prompt: Prompt | Target) -> PromptState:
        """A prompt that has met nothing yet; one without an id."""
        is_target = isinstance(prompt, Target)
        if is_target:
            kind = BOX if prompt.mask is None else MASK
        else:
            kind = EXPRESSION if prompt.pooled else CATEGORY
        if kind not in self.trackers:
            raise ValueError(
                f'This model tracks {sorted(self.trackers)} only; {kind!r} has no '
                "tracker. Add it to the config's model.trackers."
            )
        if not is_target:
            return PromptState(kind, prompt, self.trackers[kind].new_memory())
        memory = None if prompt.shown_in is None else self._shown_memory(prompt, kind)
        return PromptState(kind, None, memory)

    @abstractmethod
    def _shown_memory(self, target: Target, kind: str) -> Memory:
        """Of a target that another image shows."""

    def _add(self, prompt: Prompt | Target, state: PromptState) -> int:
        prompt_id = self._next_prompt
        if isinstance(prompt, Target) and prompt.shown_in is None:
            self._waiting[prompt_id] = prompt
        if state.kind != CATEGORY:
            state.track_id = self._ids.take()[0]
        self._next_prompt += 1
        self._prompts[prompt_id] = state
        return prompt_id

    def _shown(self) -> dict[int, Target]:
        """By prompt, the targets that the next frame shows: new ones and corrected."""
        owners = {self._owner(i): target for i, target in self._corrections.items()}
        corrected = {
            prompt_id: target
            for prompt_id, target in owners.items()
            if self._prompts[prompt_id].kind != CATEGORY
        }
        return {**self._waiting, **corrected}
