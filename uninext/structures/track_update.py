"""What trackers say of tracks besides what they report in a frame."""

from __future__ import annotations

from typing import NamedTuple

from mmengine.structures import InstanceData
from torch import Tensor


class TrackUpdate(NamedTuple):
    """What became of tracks of a prompt in a frame, or at the end of the video.

    Attributes:
        results: Of whole videos, of tracks that will not be met again: a row for each
            likely name, ``instances_id``, ``labels`` and ``scores``, (r,) each.
        discarded: (d,) int64 ids of tracks too short to be true: what was recorded of
            them so far is no result. They may still come back.
        prompt_id: Of the session's prompt.
    """

    results: InstanceData
    discarded: Tensor
    prompt_id: int = -1
