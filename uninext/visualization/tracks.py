"""Draw what a video session found in a frame.

A frame and its instances enter, a picture leaves. A track keeps its colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.structures import InstanceData

from uninext.visualization.drawing import draw_instances, track_color
from uninext.visualization.labels import label_text, prompt_notes


def draw_tracks(
    image: np.ndarray,
    instances: InstanceData,
    names: Mapping[int, Sequence[str]],
    score_thr: float = 0.0,
) -> np.ndarray:
    """Draw boxes, masks, track ids, names and scores; the best on top.

    Where several prompts have a name in common, their number stands behind it.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        instances: Of a session's step: ``bboxes`` xyxy pixels of the frame, ``scores``,
            ``labels``, ``instances_ids``, ``prompt_ids``, ``masks`` if there are any.
        names: Prompt id -> what its labels mean.
        score_thr: Instances below are left out.

    Returns:
        (H, W, 3) uint8 RGB, a new picture.
    """
    scores = instances.scores.cpu()
    order = scores.argsort(descending=True, stable=True)
    order = order[: int((scores >= score_thr).sum())].tolist()

    def of_drawn(field: str) -> list[Any]:
        values = instances[field].tolist()
        return [values[i] for i in order]

    prompts, tracks = of_drawn('prompt_ids'), of_drawn('instances_ids')
    found = [names[p][label] for p, label in zip(prompts, of_drawn('labels'))]
    notes = prompt_notes(names, prompts, found)
    masks = None
    if 'masks' in instances:
        all_masks = instances.masks.cpu().numpy()
        masks = [all_masks[i] for i in order]  # views: masks of 4K frames are large
    return draw_instances(
        image,
        instances.bboxes.cpu().numpy()[order],
        [label_text(*p) for p in zip(found, of_drawn('scores'), tracks, notes)],
        [track_color(track) for track in tracks],
        masks,
    )
