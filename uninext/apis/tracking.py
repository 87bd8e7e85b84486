"""Prompts that are tracked through frames which a caller has in hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.structures import InstanceData

from uninext.apis.exclusion import without_excluded
from uninext.apis.images import image_of_array
from uninext.apis.masks import load_mask
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
    """

    def __init__(
        self,
        session: VideoSession,
        prompts: Sequence[Prompt | Target],
        num_wanted: int,
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        self._session, self._asked, self._done = session, as_read(prompts), 0
        self._num_wanted, self._thresholds = num_wanted, thresholds
        self._kinds = [threshold_kind(prompt) for prompt in prompts]
        self._prompts = prompts
        for prompt in prompts:
            session.add(prompt)  # its id is its place

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
        if not self._done:
            check_inside(self._prompts, checked_frame(image))
        found = self._session.step(image).pred_instances.cpu()
        found = above_thresholds(found, self._kinds, thresholds)
        found = without_excluded(found, self._num_wanted)
        self._done += 1
        asked = self._asked[: self._num_wanted]
        return result_of(image, asked, found, path, time, self._done - 1)


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
