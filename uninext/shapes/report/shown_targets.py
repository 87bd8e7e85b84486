"""Measure targets that another frame than the first shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from uninext.apis.inferencer import UninextInferencer
from uninext.evaluation.functional.single_object import (
    SingleObjectRules,
    sequence_errors,
    summarize_sequences,
)
from uninext.formats.boxes import xywh_to_xyxy
from uninext.formats.json_file import read_json
from uninext.shapes.report.beyond_tasks import BeyondMetric
from uninext.shapes.report.ten_tasks import ADVICE

# The frame that shows the target does not count: the first by this, the last is cut.
RULES = SingleObjectRules(with_first_frame=False, absent_is_miss=False)
ABSENT = (np.nan,) * 4
AT_LEAST = 0.75  # as of SOT


def measure_shown_targets(
    find: UninextInferencer,
    root: str | Path,
    split: str = 'val',
    num_videos: int | None = None,
) -> list[BeyondMetric]:
    """Track targets that the first frame shows, and that the last one shows.

    Success AUC of the frames between, in which the target is seen. Shown in the last
    frame (the last in which it is seen, as another image), the target is looked for
    from the first frame on, so that nothing but its looks tells where it is.

    Args:
        find: A model of videos.
        root: Folder of a Shapes suite.
        split: Of ``sot_<split>.json``.
        num_videos: The first so many videos; None is all.

    Raises:
        FileError: A ValueError, if the suite has no such split.
    """
    root = Path(root)
    content = read_json(root / f'sot_{split}.json', ADVICE)
    boxes = {a['video_id']: a['bboxes'] for a in content['annotations']}
    errors: dict[str, list[Any]] = {'first': [], 'last': []}
    for video in content['videos'][:num_videos]:
        truth = np.array([box or ABSENT for box in boxes[video['id']]], float)
        last = last_seen(truth)
        if not np.isfinite(truth[1:last]).any():
            continue
        for where, found in _found(find, root / 'videos' / split, video, truth).items():
            errors[where].append(sequence_errors(found[:last], truth[:last], RULES))
    return [
        BeyondMetric(
            f'a target that the {where} frame shows',
            *('success AUC', AT_LEAST, False),
            summarize_sequences(of, RULES)['AUC'] if of else float('nan'),
            len(of),
        )
        for where, of in errors.items()
    ]


def last_seen(boxes: np.ndarray) -> int:
    """The last frame of (T, 4) boxes that is not NaN; -1 if there is none."""
    return int(np.flatnonzero(np.isfinite(boxes).all(1)).max(initial=-1))


def _found(
    find: UninextInferencer, folder: Path, video: Mapping[str, Any], truth: np.ndarray
) -> dict[str, np.ndarray]:
    """(T, 4) boxes xywh of the target, shown in the first and in the last frame."""
    frames = [str(folder / name) for name in video['file_names']]
    last = last_seen(truth)
    shown = xywh_to_xyxy(truth)
    asked = dict(
        first=dict(box=shown[0]), last=dict(box=shown[last], shown_in=frames[last])
    )
    found = {}
    for where, given in asked.items():
        boxes = np.full(truth.shape, np.nan)
        for result in find(frames, **given, as_video=True, stream=True, progress=False):
            if len(result):
                x1, y1, x2, y2 = result.boxes_xyxy[0]
                boxes[result.frame] = x1, y1, x2 - x1, y2 - y1
        found[where] = boxes
    return found
