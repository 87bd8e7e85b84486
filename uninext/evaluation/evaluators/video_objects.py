"""VOS and R-VOS: J and F of the masks of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from uninext.evaluation.evaluators.base import SequenceEvaluator
from uninext.evaluation.functional.video_objects import (
    ObjectScores,
    contour_accuracy,
    region_similarity,
    summarize_objects,
    summarize_seen_unseen,
)

VOID = 255  # no object of DAVIS 2017; an id of nothing
# Protocol -> whose frames count: DAVIS leaves out the first and the last one,
# YouTube-VOS counts an object from the frame after its first, R-VOS counts all.
FRAMES = ('inner', 'after_first', 'all')


class TrueObject(NamedTuple):
    """An annotated object in a frame.

    Attributes:
        mask: (H, W) bool.
        is_seen: Whether its category is among those of the training set; None where
            this is not known.
    """

    mask: np.ndarray
    is_seen: bool | None = None


class VideoObjectsEvaluator(SequenceEvaluator[Mapping[int, TrueObject], np.ndarray]):
    """J and F of objects, on one map of object ids a frame.

    The ground truth of a frame is ``{id: TrueObject}``; an object is empty in frames
    that do not name it. A prediction is (H, W) uint8, 0 being background; None for a
    frame that does not count.

    Args:
        frames: One of ``FRAMES``.

    Raises:
        ValueError: If ``frames`` is unknown.
    """

    def __init__(self, frames: str) -> None:
        if frames not in FRAMES:
            raise ValueError(f'frames must be one of {FRAMES}, got {frames!r}.')
        self.frames = frames

    def start(self) -> dict[str, Any]:
        # scores: id -> {frame: (J, F), or None}. before: of each frame {id: F against
        # nothing}, for objects that come in later.
        return {'scores': {}, 'seen': {}, 'found': set(), 'before': []}

    def add(
        self,
        state: dict[str, Any],
        ground_truth: Mapping[int, TrueObject],
        prediction: np.ndarray | None,
    ) -> None:
        t = len(state['before'])
        for number, target in ground_truth.items():
            state['scores'].setdefault(number, {})
            if target.is_seen is not None:
                state['seen'][number] = bool(target.is_seen)
        if prediction is None:
            state['before'].append(None)
            for frames in state['scores'].values():
                frames[t] = None
            return
        ids = object_ids_in(prediction)
        state['found'].update(ids)
        # What fills the image has no contour, as nothing has none.
        fills = len(ids) == 1 and bool(prediction.all())
        state['before'].append(dict.fromkeys(ids, float(fills)))
        nothing = np.zeros(prediction.shape, dtype=bool)
        for number, frames in state['scores'].items():
            mask = ground_truth[number].mask if number in ground_truth else nothing
            predicted = prediction == number
            region = region_similarity(predicted, mask)
            frames[t] = region, contour_accuracy(predicted, mask)

    def finish(self, state: dict[str, Any]) -> dict[str, Any]:
        """Keep the frames that count.

        Returns:
            ``objects``: id -> (T, 2) J and F; ``seen``: id -> flag.

        Raises:
            ValueError: If a frame that counts was not predicted, or objects were that
                the ground truth does not have.
        """
        strangers = state['found'] - set(state['scores']) - {VOID}
        if strangers:
            raise ValueError(
                f'The predictions have the objects {sorted(strangers)}, but the ground '
                f'truth has {sorted(state["scores"])}.'
            )
        objects = {}
        for number, frames in state['scores'].items():
            first = min(frames)
            rows = []
            for t in self._counting(first, len(state['before'])):
                if state['before'][t] is None:
                    raise ValueError(f'Frame {t} counts, but has no prediction.')
                rows.append(
                    frames[t] if t >= first else _before(state['before'][t], number)
                )
            objects[number] = np.array(rows).reshape(-1, 2)
        return {'objects': objects, 'seen': state['seen']}

    def summarize(self, records: Mapping[str, dict]) -> dict[str, float]:
        """Average over objects, whatever their video.

        Returns:
            ``J&F``, ``J_mean`` ...; where all objects say whether their category is
            among those of the training set, also ``G``, ``J_seen``, ``J_unseen``,
            ``F_seen``, ``F_unseen``.

        Raises:
            ValueError: If no object counts.
        """
        scores, seen = [], []
        for record in records.values():
            for number, rows in record['objects'].items():
                if len(rows):
                    scores.append(ObjectScores(rows[:, 0], rows[:, 1]))
                    seen.append(record['seen'].get(number))
        metrics = summarize_objects(scores)
        if {True, False} <= set(seen) and None not in seen:
            return {**summarize_seen_unseen(scores, seen), **metrics}
        return metrics

    def _counting(self, first: int, length: int) -> range:
        if self.frames == 'inner':
            return range(1, length - 1)
        return range(first + 1 if self.frames == 'after_first' else 0, length)


def object_ids_in(ids: np.ndarray) -> list[int]:
    """Objects of a map of ids.

    Args:
        ids: (H, W) uint8, 0 is background.

    Returns:
        Those that have a pixel, ascending.
    """
    # Counting, not sorting: an image has many pixels and few values.
    return (np.flatnonzero(np.bincount(ids.ravel(), minlength=1)[1:]) + 1).tolist()


def _before(found: dict[int, float], number: int) -> tuple[float, float]:
    """J and F in a frame before the object comes in: right if nothing was said."""
    return (0.0, found[number]) if number in found else (1.0, 1.0)
