"""Prompts that are tracked through frames which a caller has in hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData

from uninext.apis.exclusion import without_excluded
from uninext.apis.images import image_of_array
from uninext.apis.prompts import as_read, check_inside, checked_score_thr
from uninext.apis.results import AskedPrompt, Result
from uninext.models.trackers import VideoSession
from uninext.models.trackers.inputs import checked_frame
from uninext.structures import Prompt, Target
from uninext.utils.defaults import SCORE_THRESHOLD


class Tracking:
    """Prompts that are tracked through frames; of :meth:`UninextInferencer.track`.

    Args:
        session: New.
        prompts: Those that are wanted, then those that are excluded.
        num_wanted: How many are.
    """

    def __init__(
        self,
        session: VideoSession,
        prompts: Sequence[Prompt | Target],
        num_wanted: int,
    ) -> None:
        self._session, self._asked, self._done = session, as_read(prompts), 0
        self._num_wanted = num_wanted
        self._prompts = prompts
        for prompt in prompts:
            session.add(prompt)  # its id is its place

    def step(
        self,
        image: np.ndarray,
        score_thr: float = SCORE_THRESHOLD,
        path: str | None = None,
        time: float | None = None,
    ) -> Result:
        """Find in the next frame.

        Args:
            image: uint8, (H, W, 3) BGR, (H, W) grey or (H, W, 4) BGRA.
            score_thr: Of categories, in 0..1.
            path: Where the frame is from, for the result.
            time: When it is, in seconds, for the result.
        """
        score_thr = checked_score_thr(score_thr)
        image = image_of_array(image) if isinstance(image, np.ndarray) else image
        if not self._done:
            check_inside(self._prompts, checked_frame(image))
        found = self._session.step(image).pred_instances.cpu()
        single = torch.tensor([prompt.single for prompt in self._asked])
        found = found[(found.scores >= score_thr) | single[found.prompt_ids]]
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
