"""Single-object tracking: one box a frame against one annotated box a frame.

Legend: T frames of a sequence; boxes are (x, y, w, h) in absolute pixels of the
original image, as the benchmarks' text files write them. A row with NaN or without
area says that there is no box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uninext.formats.boxes import box_intersection, share_of, xywh_to_xyxy

PRECISION_PIXELS = 20
NORM_PRECISION_THRESHOLD = 0.2


@dataclass(frozen=True)
class SingleObjectRules:
    """What a benchmark counts.

    Attributes:
        num_thresholds: Of the success curve, evenly from 0 to 1; a frame is a success
            if its IoU is strictly above.
        with_first_frame: Whether the frame that the tracker was told counts. Where it
            does, its annotation stands for the prediction.
        absent_is_miss: Whether a frame without the target counts as a miss; otherwise
            it does not count.
        pools_frames: Average over the frames of all sequences; otherwise over frames
            of a sequence, then over sequences.
        repeats_empty: A prediction without area is replaced by the one before.
        clips_to_frame: Boxes are put inside the image, as GOT-10k's toolkit does it,
            where its size is known.
        counts_errors: Whether ``errorNum`` is given.
    """

    num_thresholds: int = 21
    with_first_frame: bool = True
    absent_is_miss: bool = True
    pools_frames: bool = False
    repeats_empty: bool = False
    clips_to_frame: bool = False
    counts_errors: bool = False


# otb: 21 thresholds, as the benchmark's own toolkit. lasot: as pytracking and the
# published evaluation of LaSOT, LaSOT-ext and TNL-2K. got10k: average overlap as its
# toolkit reports GOT-10k; otb101: what that toolkit's functions give on other sets.
RULES = {
    'otb': SingleObjectRules(counts_errors=True),
    'lasot': SingleObjectRules(repeats_empty=True),
    'got10k': SingleObjectRules(
        num_thresholds=101,
        with_first_frame=False,
        absent_is_miss=False,
        pools_frames=True,
        clips_to_frame=True,
    ),
    'otb101': SingleObjectRules(num_thresholds=101, absent_is_miss=False),
}


@dataclass
class SequenceErrors:
    """The frames of one sequence that count.

    Attributes:
        overlap: IoU in [0, 1], (T,); 0 for a miss.
        center: Distance of centres in pixels, (T,); inf for a miss.
        norm_center: The same in units of the annotated width and height, (T,).
    """

    overlap: np.ndarray
    center: np.ndarray
    norm_center: np.ndarray


def sequence_errors(
    pred: np.ndarray,
    ground_truth: np.ndarray,
    rules: SingleObjectRules,
    visible: np.ndarray | None = None,
    size_hw: tuple[int, int] | None = None,
) -> SequenceErrors:
    """Compare the predictions of one sequence with its annotation.

    Follows: OTB ``calcSeqErrRobust.m``, pytracking ``extract_results.py``, GOT-10k
    toolkit ``metrics.py``. Deviation: pytracking counts frames without a target as
    precise in the normalised curve of sets other than LaSOT; here they are misses.

    Args:
        pred: Predictions, (T, 4) xywh pixels.
        ground_truth: Annotation, (T, 4) xywh pixels.
        rules: Of the benchmark.
        visible: (T,) bool, False where the target is hidden though annotated; all
            True if None.
        size_hw: Of the image, for rules that clip.

    Returns:
        Errors of the frames that count.

    Raises:
        ValueError: If shapes differ.
    """
    pred, ground_truth = (
        _as_boxes(pred, 'pred'),
        _as_boxes(ground_truth, 'ground_truth'),
    )
    if len(pred) != len(ground_truth):
        raise ValueError(
            f'pred has {len(pred)} frames and ground truth {len(ground_truth)}. Every '
            'frame needs an '
            'answer; write NaN or a box without area where there is none.'
        )
    present = _has_area(ground_truth)
    if visible is not None:
        if np.shape(visible) != (len(ground_truth),):
            raise ValueError(
                f'visible has the shape {np.shape(visible)}, expected '
                f'({len(ground_truth)},).'
            )
        present = present & np.asarray(visible, dtype=bool)
    if rules.repeats_empty:
        pred = _repeat_empty(pred)
    if len(pred) and rules.with_first_frame:
        pred[0] = ground_truth[0]
    found = present & _has_area(pred)
    overlap = np.zeros(len(ground_truth))
    center, norm_center = np.full((2, len(ground_truth)), np.inf)
    offset = (pred[found, :2] + pred[found, 2:] / 2) - (
        ground_truth[found, :2] + ground_truth[found, 2:] / 2
    )
    center[found] = np.linalg.norm(offset, axis=1)
    norm_center[found] = np.linalg.norm(offset / ground_truth[found, 2:], axis=1)
    size = size_hw if rules.clips_to_frame else None
    overlap[found] = paired_iou(
        _clip(pred[found], size), _clip(ground_truth[found], size)
    )
    counts = (
        np.ones(len(ground_truth), dtype=bool)
        if rules.absent_is_miss
        else present.copy()
    )
    if not rules.with_first_frame:
        counts[:1] = False
    return SequenceErrors(overlap[counts], center[counts], norm_center[counts])


def paired_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of rows.

    Args:
        a: (T, 4) xywh.
        b: (T, 4) xywh.

    Returns:
        (T,) in [0, 1]; 0 where neither has an area.
    """
    shared = box_intersection(xywh_to_xyxy(a), xywh_to_xyxy(b))
    union = np.prod(a[:, 2:], axis=1) + np.prod(b[:, 2:], axis=1) - shared
    return share_of(shared, union)


def success_curve(overlap: np.ndarray, num_thresholds: int) -> np.ndarray:
    """Share of frames whose IoU is strictly above each threshold from 0 to 1.

    Args:
        overlap: (T,) IoU; T > 0.
        num_thresholds: How many, the ends included.

    Returns:
        (num_thresholds,) in [0, 1]. Its mean is the AUC.
    """
    thresholds = np.linspace(0, 1, num_thresholds)
    return (overlap[:, None] > thresholds).mean(axis=0)


def summarize_sequences(
    errors: Sequence[SequenceErrors], rules: SingleObjectRules
) -> dict[str, float]:
    """Metrics of a set of sequences.

    Args:
        errors: One entry per sequence; those without a frame that counts are left out.
        rules: The same that the errors were made by.

    Returns:
        ``AUC`` of the success curve, ``AO`` (mean overlap), ``SR50`` and ``SR75``,
        ``precision`` (centre within 20 pixels), ``norm_precision`` (within 0.2) and
        ``norm_precision_auc`` (51 thresholds from 0 to 0.5), in [0, 1]; by the rules
        of OTB also its ``errorNum``: of ten frames those whose overlap is below 0.5.

    Raises:
        ValueError: If no frame counts.
    """
    errors = [e for e in errors if len(e.overlap)]
    if not errors:
        raise ValueError('No frame counts: no sequence has an annotated target.')
    if rules.pools_frames:
        fields = ('overlap', 'center', 'norm_center')
        pooled = [np.concatenate([getattr(e, f) for e in errors]) for f in fields]
        errors = [SequenceErrors(*pooled)]
    rows = [_sequence_metrics(e, rules) for e in errors]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _sequence_metrics(
    errors: SequenceErrors, rules: SingleObjectRules
) -> dict[str, float]:
    norm_thresholds = np.arange(0, 51) / 100
    within = errors.norm_center[:, None] <= norm_thresholds
    metrics = {
        'AUC': success_curve(errors.overlap, rules.num_thresholds).mean(),
        'AO': errors.overlap.mean(),
        'SR50': (errors.overlap > 0.5).mean(),
        'SR75': (errors.overlap > 0.75).mean(),
        'precision': (errors.center <= PRECISION_PIXELS).mean(),
        'norm_precision': (errors.norm_center <= NORM_PRECISION_THRESHOLD).mean(),
        'norm_precision_auc': within.mean(),
    }
    if rules.counts_errors:
        metrics['errorNum'] = 10 * (errors.overlap < 0.5).mean()
    return metrics


def _as_boxes(boxes: np.ndarray, name: str) -> np.ndarray:
    boxes = np.array(boxes, dtype=np.float64)  # a copy: rows are replaced below
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'{name} must be (T, 4) boxes xywh, got {boxes.shape}.')
    return boxes


def _has_area(boxes: np.ndarray) -> np.ndarray:
    return np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)


def _repeat_empty(boxes: np.ndarray) -> np.ndarray:
    boxes = boxes.copy()
    for index in np.flatnonzero(~_has_area(boxes)):
        if index > 0:
            boxes[index] = boxes[index - 1]
    return boxes


def _clip(boxes: np.ndarray, size_hw: tuple[int, int] | None) -> np.ndarray:
    if size_hw is None:
        return boxes
    # As the toolkit of GOT-10k: a corner outside the image moves to its border, sides
    # are cut to what is left from there on. So what leaves to the left is shifted.
    limit = np.array([size_hw[1], size_hw[0]])
    top_left = np.clip(boxes[:, :2], 0, limit)
    return np.concatenate(
        [top_left, np.clip(boxes[:, 2:], 0, limit - top_left)], axis=1
    )
