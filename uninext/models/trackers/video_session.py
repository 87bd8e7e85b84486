"""A video, or a live stream, frame by frame, with prompts that come and go.

Everything that a video leaves behind is here, not on the network, and does not grow
with the number of frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.models.trackers.base import (
    CATEGORY,
    IdCounter,
    PromptState,
    TrackedPrompt,
    Tracker,
    VideoFrame,
)
from uninext.models.trackers.corrections import (
    check_shown,
    shown_kind,
)
from uninext.models.trackers.frame_scale import frame_scale
from uninext.models.trackers.hidden_state import changed, digests
from uninext.models.trackers.inputs import checked_frame
from uninext.models.trackers.joined import joined
from uninext.models.trackers.session_parts import evaluating, packed_state, updates_of
from uninext.models.trackers.session_prompts import SessionPrompts
from uninext.models.trackers.shown_images import network_input, shown_memory
from uninext.structures import (
    Memory,
    Prompt,
    Target,
    TrackUpdate,
    UninextDataSample,
)
from uninext.utils.transfers import upload


class VideoSession(SessionPrompts):
    """Track prompts through the frames of one video.

    Get one from ``model.open()``.

    Args:
        model: A :class:`UNINEXTVideo`, which is not changed.
        trackers: Per kind of prompt (``category``, ``expression``, ``box``, ``mask``)
            its tracker.
        scale: (long, short) sides that frames are resized to, aspect kept; None:
            frames are taken as they are; a dict of sides for each kind of prompt: those
            of the kinds that are asked for, of several kinds the largest.
        max_rows: Most prompts that go through the transformer at once; None: as the
            model was built.

    Example:
        >>> session = model.open()                              # doctest: +SKIP
        >>> session.add(categories='person, dog')               # doctest: +SKIP
        [0]
        >>> session.add(box=[20, 30, 120, 200])                 # doctest: +SKIP
        [1]
        >>> for frame in frames:                                # doctest: +SKIP
        ...     found = session.step(frame).pred_instances
    """

    def __init__(
        self,
        model: nn.Module,
        trackers: Mapping[str, Tracker],
        scale: tuple[int, int] | Mapping[str, tuple[int, int]] | None = None,
        max_rows: int | None = None,
    ) -> None:
        if max_rows is not None and max_rows < 1:
            raise ValueError(f'max_rows must be at least 1, got {max_rows}.')
        super().__init__(trackers)
        self.max_rows = max_rows
        self.model = model
        self._settings = digests(self.trackers)
        self.scale = scale
        self.num_frames = 0

    # -------------------------------------------------------------------------- frames

    @torch.no_grad()
    def step(self, frame: np.ndarray) -> UninextDataSample:
        """Find everything that is asked for in the next frame.

        Args:
            frame: (H, W, 3) uint8, BGR as OpenCV reads it. May have another size than
                the frame before.

        Returns:
            UninextDataSample: ``pred_instances`` in pixels of the frame: ``bboxes``
            (n, 4) xyxy, ``scores``, ``labels`` (index into the names of the prompt),
            ``prompt_ids``, ``instances_ids`` (tracks; unique in the session) and
            ``masks`` (n, H, W) bool; ``track_updates``, a list of :class:`TrackUpdate`.

        Raises:
            ValueError: If this is no frame, or a target shown in it is not in it. The
                session is then as it was before: such a target still waits for its
                frame until it is removed.
        """
        height, width = checked_frame(frame)
        shown = self._shown()
        kinds = {
            shown_kind(state, shown[i]) if i in shown else state.kind
            for i, state in self._prompts.items()
        }
        image = network_input(frame, frame_scale(self.scale, kinds))
        sample = UninextDataSample(
            metainfo=dict(img_shape=tuple(image.shape[1:]), ori_shape=(height, width))
        )
        return self.step_sample(image, sample)

    @torch.no_grad()
    def step_sample(
        self, image: Tensor, sample: UninextDataSample
    ) -> UninextDataSample:
        """The same for a frame that a test pipeline has resized and packed.

        Args:
            image: (3, h, w) uint8 BGR.
            sample: With ``img_shape`` (h, w) and ``ori_shape`` (H, W).
        """
        with evaluating(self.model):
            return self._step(image, sample)

    def _step(self, image: Tensor, sample: UninextDataSample) -> UninextDataSample:
        with_masks = any(f.needs_masks for f in self.trackers.values())
        frame = VideoFrame(
            upload(image, self.model.device),
            tuple(sample.ori_shape[:2]),
            self.model.mask_head if with_masks else None,
            self.model.data_preprocessor.test_pad_size_divisor,
            self._ids,
        )
        shown = self._shown()
        for prompt_id, memory in self._show(shown, frame).items():
            state = self._prompts[prompt_id]
            state.kind, state.memory = shown_kind(state, shown[prompt_id]), memory
        tracked = {
            prompt_id: TrackedPrompt(state, target=shown.get(prompt_id))
            for prompt_id, state in self._prompts.items()
        }
        for track_id, target in self._corrections.items():
            one = tracked[self._owner(track_id)]
            if one.state.kind == CATEGORY:
                one.corrections[track_id] = target
        self._find(sample, frame, tracked.values())
        self._waiting.clear()  # not before: the frame can be tried again
        self._corrections.clear()
        results: dict[int, InstanceData] = {}
        for kind in dict.fromkeys(state.kind for state in self._prompts.values()):
            mine = {i: one for i, one in tracked.items() if one.state.kind == kind}
            found = self.trackers[kind].step(list(mine.values()), frame)
            results.update(zip(mine, found))
        self.num_frames += 1
        sample.pred_instances = joined(results, frame)
        updates = updates_of((i, one.update) for i, one in tracked.items())
        sample.set_metainfo(dict(track_updates=updates))
        return sample

    def _show(
        self, shown: Mapping[int, Target], frame: VideoFrame
    ) -> dict[int, Memory]:
        """Memories of the targets that this frame shows; nothing is changed yet."""
        for track_id, target in list(self._corrections.items()):
            try:
                check_shown(target, frame)
            except ValueError as error:
                del self._corrections[track_id]
                raise ValueError(
                    f'{error} This was the correction of track {track_id}, which is '
                    'dropped: correct() it again, then step().'
                ) from error
        memories = {}
        for prompt_id, target in shown.items():
            tracker = self.trackers[shown_kind(self._prompts[prompt_id], target)]
            try:
                memories[prompt_id] = tracker.show(target, frame)
            except ValueError as error:
                raise ValueError(
                    f'{error} This is the target of prompt {prompt_id}, which is still '
                    f'waiting: call remove({prompt_id}) and add() what is right, or '
                    'step() with its frame.'
                ) from error
        return memories

    def _shown_memory(self, target: Target, kind: str) -> Memory:
        image = network_input(target.shown_in, frame_scale(self.scale, {kind}))
        size_hw = target.shown_in.shape[:2]
        return shown_memory(target, image, size_hw, self.trackers[kind], self.model)

    def _find(
        self,
        sample: UninextDataSample,
        frame: VideoFrame,
        prompts: Iterable[TrackedPrompt],
    ) -> None:
        """Ask for all prompts together: one backbone pass, few transformer passes."""
        asked = [one for one in prompts if self._needs_the_network(one, frame)]
        if not asked:
            return
        data = dict(inputs=[frame.image], data_samples=[sample])
        data = self.model.data_preprocessor(data, False)
        pyramid = self.model.build_pyramid(
            self.model.extract_feat(data['inputs']), data['data_samples']
        )
        trackers = [self.trackers[one.state.kind] for one in asked]
        found = self.model.ask(
            pyramid,
            [tracker.ask(one.state) for tracker, one in zip(trackers, asked)],
            [0] * len(asked),
            with_masks=[tracker.needs_masks for tracker in trackers],
            with_embeds=[tracker.needs_embeds for tracker in trackers],
            max_rows=self.max_rows,
        )
        for one, rows in zip(asked, found):
            one.found = rows

    def _needs_the_network(self, prompt: TrackedPrompt, frame: VideoFrame) -> bool:
        """A target shown by its mask is known; of a box the mask is not."""
        if prompt.target is None:
            return True
        tracker = self.trackers[prompt.state.kind]
        return prompt.target.mask is None and tracker.reports_masks(frame)

    def finish(self) -> list[TrackUpdate]:
        """What is still to be said of tracks at the end of the video."""
        return updates_of(
            (prompt_id, self.trackers[state.kind].finish(state.memory))
            for prompt_id, state in self._prompts.items()
        )

    # --------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """Everything that later frames depend on: ``torch.load(weights_only=True)``.

        Raises:
            ValueError: If a tracker (of your own) keeps things on itself,
                or a memory cannot be saved: other results would follow.
        """
        hidden = changed(self._settings, digests(self.trackers))
        if hidden:
            raise ValueError(
                f'The session cannot be saved: {hidden} changed since it began, and '
                'are kept by trackers, not by their memory. Give their memory_type, a '
                'uninext.structures.Memory, fields for them.'
            )
        return dict(
            num_frames=self.num_frames,
            next_id=self._ids.next_id,
            next_prompt=self._next_prompt,
            prompts={i: packed_state(s) for i, s in self._prompts.items()},
            waiting={i: vars(t).copy() for i, t in self._waiting.items()},
            corrections={i: vars(t).copy() for i, t in self._corrections.items()},
        )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state_dict` was called.

        Raises:
            ValueError: If the state is not of a session, or asks for a kind of prompt
                that this session has no, or another, tracker for. The session is then
                as it was before.
        """
        state = dict(corrections={}) | dict(state)  # of before there were any
        expected = {'num_frames', 'next_id', 'next_prompt', 'prompts', 'waiting'}
        expected |= {'corrections'}
        if set(state) != expected:
            raise ValueError(
                f'This is no saved session: it has {sorted(state)}, expected '
                f'{sorted(expected)}.'
            )
        kinds = {packed['kind'] for packed in state['prompts'].values()}
        if not kinds <= set(self.trackers):
            raise ValueError(
                f'The saved session tracks {sorted(kinds)}, this model '
                f'{sorted(self.trackers)}.'
            )
        prompts = {i: self._unpacked(packed) for i, packed in state['prompts'].items()}
        self.num_frames = state['num_frames']
        self._ids = IdCounter(state['next_id'])
        self._next_prompt = state['next_prompt']
        self._prompts = prompts
        self._waiting = {i: Target(**target) for i, target in state['waiting'].items()}
        corrections = state['corrections'].items()
        self._corrections = {i: Target(**target) for i, target in corrections}

    def _unpacked(self, packed: Mapping[str, Any]) -> PromptState:
        """A prompt with its memory, if this session's tracker can go on with it."""
        kind, prompt, memory = packed['kind'], packed['prompt'], packed['memory']
        expected = self.trackers[kind].memory_type
        name = None if expected is None else expected.__name__
        waits = prompt is None and memory is None  # a target, for the frame to show it
        if packed['memory_type'] != name and not waits:
            raise ValueError(
                f'The saved session remembers {kind} as {packed["memory_type"]}, this '
                f'model as {name}. Open it with the same trackers.'
            )
        if memory is not None:
            device = self.trackers[kind].memory_device(self.model.device)
            memory = expected.from_state_dict(memory).to(device)
        return PromptState(
            kind=kind,
            prompt=None if prompt is None else Prompt(**prompt),
            memory=memory,
            track_id=packed['track_id'],
        )
