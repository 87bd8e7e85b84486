"""Prompts that are tracked through frames which a caller has in hand."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from mmengine.structures import InstanceData

from uninext.apis.exclusion import without_excluded
from uninext.apis.images import image_of_array
from uninext.apis.masks import load_mask
from uninext.apis.prompt_files import PromptStep
from uninext.apis.prompts import as_read, check_inside, threshold_kind
from uninext.apis.results import AskedPrompt, Result
from uninext.apis.thresholds import above_thresholds, all_thresholds
from uninext.models.trackers import VideoSession
from uninext.models.trackers.inputs import checked_frame
from uninext.structures import Prompt, Target


class Tracking:
    """Prompts that are tracked through frames; of :meth:`UninextInferencer.track`.

    Args:
        session: New.
        prompts: Those that are wanted, then those that are excluded.
        num_wanted: How many are.
        thresholds: That the checkpoint has, by kind of prompt.
        steps: Prompts that come, are corrected and go later, in the order of frames.
    """

    def __init__(
        self,
        session: VideoSession,
        prompts: Sequence[Prompt | Target],
        num_wanted: int,
        thresholds: Mapping[str, float] | None = None,
        steps: Sequence[PromptStep] = (),
    ) -> None:
        self._session, self._thresholds, self._done = session, thresholds, 0
        self._steps, self._num_taken, self._prompts = tuple(steps), 0, prompts
        wanted, excluded = list(prompts[:num_wanted]), list(prompts[num_wanted:])
        for step in steps:
            (excluded if step.is_excluded else wanted).extend(step.prompts)
        everything, self._num_wanted = wanted + excluded, len(wanted)
        self._kinds = [threshold_kind(prompt) for prompt in everything]
        self._asked = [replace(one, asked=False) for one in as_read(wanted)]
        self._numbers = {id(prompt): i for i, prompt in enumerate(everything)}
        self._places: dict[int, int] = {}  # of the session's prompts among all
        self._named: dict[str, list[int]] = {}
        for prompt in prompts:
            self._add(prompt)

    def correct(self, track_id: int, *, box: Any = None, mask: Any = None) -> None:
        """Show where a track is in the next frame; it keeps its id.

        Args:
            track_id: Of :attr:`Result.track_ids`.
            box: (4,) xyxy in pixels.
            mask: (H, W), or the path of an image file. Give one of both.

        Raises:
            ValueError: As of :meth:`uninext.models.trackers.VideoSession.correct`.
        """
        mask = None if mask is None else load_mask(mask)
        self._session.correct(track_id, box=box, mask=mask)

    def step(
        self,
        image: np.ndarray,
        score_thr: float | Mapping[str, float] | None = None,
        path: str | None = None,
        time: float | None = None,
    ) -> Result:
        """Find in the next frame.

        Args:
            image: uint8, (H, W, 3) BGR, (H, W) grey or (H, W, 4) BGRA.
            score_thr: As of :class:`uninext.apis.UninextInferencer`.
            path: Where the frame is from, for the result.
            time: When it is, in seconds, for the result.
        """
        thresholds = all_thresholds(score_thr, self._thresholds)
        image = image_of_array(image) if isinstance(image, np.ndarray) else image
        size_hw = checked_frame(image)
        if not self._done:
            check_inside(self._prompts, size_hw)
        self._take_steps(size_hw)
        found = self._session.step(image).pred_instances.cpu()
        places = [self._places[i] for i in found.prompt_ids.tolist()]
        found.prompt_ids = found.prompt_ids.new_tensor(places)
        found = above_thresholds(found, self._kinds, thresholds)
        found = without_excluded(found, self._num_wanted)
        self._done += 1
        asked = tuple(self._asked)
        return result_of(image, asked, found, path, time, self._done - 1)

    def end(self) -> None:
        """Warn of steps whose frames did not come."""
        if left := self._steps[self._num_taken :]:
            warnings.warn(
                f'The video ended after {self._done} frames, and prompts are left of '
                f'frame {left[0].frame} (step {left[0].number}) and on.',
                stacklevel=2,
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything that later frames depend on: ``torch.load(weights_only=True)``.

        Raises:
            ValueError: As of :meth:`uninext.models.trackers.VideoSession.state_dict`.
        """
        return dict(
            session=self._session.state_dict(),
            num_frames=self._done,
            num_steps=self._num_taken,
            places=dict(self._places),
            named={name: list(ids) for name, ids in self._named.items()},
            asked=[prompt.asked for prompt in self._asked],
        )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state_dict` was called, of the same prompts and model.

        Raises:
            ValueError: As of the session's, or if it is of other prompts.
        """
        if len(state['asked']) != len(self._asked):
            raise ValueError(
                f'The saved state is of {len(state["asked"])} prompts, this tracking '
                f'has {len(self._asked)}. Ask for the same, in the same order.'
            )
        self._session.load_state_dict(state['session'])
        self._done, self._num_taken = state['num_frames'], state['num_steps']
        self._places = dict(state['places'])
        self._named = {name: list(ids) for name, ids in state['named'].items()}
        pairs = zip(self._asked, state['asked'])
        self._asked = [replace(prompt, asked=asked) for prompt, asked in pairs]

    def _take_steps(self, size_hw: tuple[int, int]) -> None:
        """Do what is due before the next frame."""
        for step in self._steps[self._num_taken :]:
            if step.frame > self._done:
                return
            try:
                check_inside(step.prompts, size_hw)
                self._take(step)
            except ValueError as error:
                where = f'Step {step.number} of the prompts (frame {step.frame})'
                raise ValueError(f'{where}: {error}') from error
            self._num_taken += 1

    def _take(self, step: PromptStep) -> None:
        if step.remove is not None:
            for prompt_id in self._named.pop(step.remove):
                self._session.remove(prompt_id)
                self._mark(prompt_id, asked=False)
        elif step.correct is not None:
            track_id = step.correct
            if isinstance(track_id, str):
                (prompt_id,) = self._named[track_id]
                track_id = self._session.track_of(prompt_id)
            self._session.correct(track_id, **step.shown)
        else:
            added = [self._add(prompt) for prompt in step.prompts]
            if step.name is not None:
                self._named[step.name] = added

    def _add(self, prompt: Prompt | Target) -> int:
        (prompt_id,) = self._session.add(prompt)
        self._places[prompt_id] = self._numbers[id(prompt)]
        self._mark(prompt_id, asked=True)
        return prompt_id

    def _mark(self, prompt_id: int, asked: bool) -> None:
        place = self._places[prompt_id]
        if place < self._num_wanted:
            self._asked[place] = replace(self._asked[place], asked=asked)


def result_of(
    image: np.ndarray,
    asked: tuple[AskedPrompt, ...],
    found: InstanceData,
    path: str | None,
    time: float | None,
    frame: int | None = None,
) -> Result:
    """What was found in an image, or in a frame, for users."""
    arrays = {name: value.cpu().numpy() for name, value in found.items()}
    return Result(
        image=image,
        prompts=asked,
        boxes_xyxy=arrays['bboxes'],
        scores=arrays['scores'],
        label_ids=arrays['labels'],
        prompt_ids=arrays['prompt_ids'],
        track_ids=arrays.get('instances_ids'),
        masks=arrays.get('masks'),
        path=path,
        frame=frame,
        time=time,
    )
