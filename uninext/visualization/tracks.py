"""Draw what a video session found in a frame.

A frame and its instances enter, a picture leaves. A track keeps its colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.structures import InstanceData

from uninext.visualization.drawing import (
    DrawingScale,
    instance_color,
    paint_box,
    paint_labels,
    paint_mask,
)

ALPHA = 0.45


def draw_tracks(
    image: np.ndarray,
    instances: InstanceData,
    names: Mapping[int, Sequence[str]],
    score_thr: float = 0.0,
) -> np.ndarray:
    """Draw boxes, masks, track ids, names and scores.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        instances: Of a session's step: ``bboxes`` xyxy pixels of the frame, ``scores``,
            ``labels``, ``instances_ids``, ``prompt_ids``, ``masks`` if there are any.
        names: Prompt id -> what its labels mean.
        score_thr: Instances below are left out.

    Returns:
        (H, W, 3) uint8 RGB, a new picture.
    """
    picture = np.ascontiguousarray(image).copy()
    scale = DrawingScale.of(*picture.shape[:2])
    instances = instances[instances.scores >= score_thr].cpu()
    colors = [instance_color(max(i, 0)) for i in instances.instances_ids.tolist()]
    if 'masks' in instances:
        for mask, color in zip(instances.masks.numpy(), colors):
            paint_mask(picture, mask, color, ALPHA, scale.line_width)
    boxes = instances.bboxes.numpy()
    for box, color in zip(boxes, colors):
        paint_box(picture, box, color, scale.line_width)
    texts = [
        f'{track} {names[prompt][label]} {score:.2f}'
        for track, prompt, label, score in zip(
            instances.instances_ids.tolist(),
            instances.prompt_ids.tolist(),
            instances.labels.tolist(),
            instances.scores.tolist(),
        )
    ]
    return paint_labels(picture, boxes, texts, colors, scale.font_size)
