"""Video object segmentation: region similarity J and contour accuracy F.

Legend: T frames, K objects; masks are bool, True on the object, in the size of the
original image.

Paper: A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation
(DAVIS 2016); The 2017 DAVIS Challenge, arXiv 1704.00675. Follows: davis2017-evaluation
``metrics.py`` and ``utils.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BOUND_TH = 0.008  # of the diagonal: how far a contour may be off
RECALL_TH = 0.5
NUM_DECAY_BINS = 4


@dataclass
class ObjectScores:
    """One object of one video, on the frames that count.

    Attributes:
        region: J of every frame, (T,) in [0, 1].
        contour: F of every frame, (T,) in [0, 1].
    """

    region: np.ndarray
    contour: np.ndarray


def region_similarity(pred: np.ndarray, ground_truth: np.ndarray) -> float:
    """J: IoU of two masks.

    Args:
        pred: (H, W) bool.
        ground_truth: (H, W) bool.

    Returns:
        In [0, 1]; 1 where both are empty.

    Raises:
        ValueError: If the sizes differ.
    """
    pred, ground_truth = _check_pair(pred, ground_truth)
    union = np.count_nonzero(pred | ground_truth)
    return np.count_nonzero(pred & ground_truth) / union if union else 1.0


def contour_accuracy(
    pred: np.ndarray, ground_truth: np.ndarray, bound_th: float = BOUND_TH
) -> float:
    """F: harmonic mean of precision and recall of contour pixels.

    A contour pixel is right if the other contour is within ``bound_th`` of the
    diagonal. The benchmark dilates both contours with a disk; here only contour pixels
    are asked whether the other contour is near, with the same answer.

    Args:
        pred: (H, W) bool.
        ground_truth: (H, W) bool.
        bound_th: Share of the diagonal, or pixels if it is at least 1.

    Returns:
        In [0, 1]; 1 where neither has a contour, 0 where only one has.

    Raises:
        ValueError: If the sizes differ.
    """
    pred, ground_truth = _check_pair(pred, ground_truth)
    radius = bound_th if bound_th >= 1 else np.ceil(bound_th * np.hypot(*pred.shape))
    window = _common_window(pred, ground_truth, margin=1)
    if window is None:
        return 1.0
    # Cut first: contours lie on a mask or one pixel up or left of it. A mask that
    # touches the last row or column keeps it as its last, so rules there hold.
    pred_edge, gt_edge = mask_contour(pred[window]), mask_contour(ground_truth[window])
    if not pred_edge.any() or not gt_edge.any():
        return float(pred_edge.any() == gt_edge.any())
    precision = _share_near(pred_edge, gt_edge, radius)
    recall = _share_near(gt_edge, pred_edge, radius)
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def mask_contour(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from a neighbour to the right, below, or both.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool; the last column looks below only, the last row right only.
    """
    contour = np.zeros(mask.shape, dtype=bool)
    contour[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    contour[:-1] |= mask[:-1] ^ mask[1:]
    contour[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return contour


def frame_statistics(values: np.ndarray) -> dict[str, float]:
    """Mean, recall and decay of the scores of one object.

    Args:
        values: (T,) in [0, 1].

    Returns:
        ``mean``; ``recall``, the share of frames above 0.5; ``decay``, how much the
        mean of the last quarter is below that of the first. Deviation: the benchmark's
        code mixes up quarters of videos of more than 256 frames (8-bit indices).

    Raises:
        ValueError: If there is no frame.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ValueError('An object needs at least one frame that counts, got none.')
    edges = np.linspace(1, len(values), NUM_DECAY_BINS + 1)
    edges = (np.round(edges + 1e-10) - 1).astype(int)
    first = values[edges[0] : edges[1] + 1]
    last = values[edges[-2] : edges[-1] + 1]
    return {
        'mean': float(values.mean()),
        'recall': float((values > RECALL_TH).mean()),
        'decay': float(first.mean() - last.mean()),
    }


def summarize_objects(scores: Sequence[ObjectScores]) -> dict[str, float]:
    """Metrics of a set: every object counts the same, whatever its video.

    Returns:
        ``J&F``, ``J_mean``, ``J_recall``, ``J_decay``, ``F_mean``, ``F_recall``,
        ``F_decay``.

    Raises:
        ValueError: If there is no object.
    """
    if not scores:
        raise ValueError('No object counts: the ground truth has none.')
    metrics = {'J&F': 0.0}
    for letter, field in (('J', 'region'), ('F', 'contour')):
        rows = [frame_statistics(getattr(score, field)) for score in scores]
        for key in rows[0]:
            metrics[f'{letter}_{key}'] = float(np.mean([row[key] for row in rows]))
    metrics['J&F'] = (metrics['J_mean'] + metrics['F_mean']) / 2
    return metrics


def summarize_seen_unseen(
    scores: Sequence[ObjectScores], seen: Sequence[bool]
) -> dict[str, float]:
    """YouTube-VOS: J and F of objects of seen and unseen categories, and their mean G.

    Args:
        scores: K entries.
        seen: Of each, whether its category is among those of the training set.

    Returns:
        ``G``, ``J_seen``, ``J_unseen``, ``F_seen``, ``F_unseen``.

    Raises:
        ValueError: If one kind is missing: G is not defined then.
    """
    groups = {
        name: [s for s, flag in zip(scores, seen) if bool(flag) == wanted]
        for name, wanted in (('seen', True), ('unseen', False))
    }
    if len(scores) != len(seen) or not all(groups.values()):
        raise ValueError(
            'G needs objects of seen and of unseen categories and a flag for each, got '
            f'{len(scores)} objects and {len(seen)} flags, {sum(map(bool, seen))} seen.'
        )
    metrics = {}
    for letter, field in (('J', 'region'), ('F', 'contour')):
        for name, group in groups.items():
            means = [frame_statistics(getattr(score, field))['mean'] for score in group]
            metrics[f'{letter}_{name}'] = float(np.mean(means))
    return {'G': float(np.mean(list(metrics.values()))), **metrics}


def _check_pair(
    pred: np.ndarray, ground_truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    pred, ground_truth = (
        np.asarray(pred, dtype=bool),
        np.asarray(ground_truth, dtype=bool),
    )
    if pred.shape != ground_truth.shape or pred.ndim != 2:
        raise ValueError(
            f'The predicted mask has the shape {pred.shape} and the annotated one '
            f'{ground_truth.shape}; both must be (H, W) of the original image.'
        )
    return pred, ground_truth


def _common_window(
    a: np.ndarray, b: np.ndarray, margin: int
) -> tuple[slice, slice] | None:
    """The smallest window around both masks, None if both are empty."""
    either = a | b
    rows = np.flatnonzero(either.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(either[rows[0] : rows[-1] + 1].any(axis=0))
    height, width = (
        slice(max(hit[0] - margin, 0), hit[-1] + 1 + margin) for hit in (rows, columns)
    )
    return height, width


def _share_near(contour: np.ndarray, other: np.ndarray, radius: float) -> float:
    """Share of the pixels of a contour that have one of the other within a radius.

    The disk is a stack of lines; whether a line holds a pixel is a difference of
    running sums, asked at the pixels of the contour alone.
    """
    rows, columns = np.nonzero(contour)
    reach = int(radius)
    sums = np.pad(other, ((reach, reach), (reach + 1, reach))).cumsum(
        axis=1, dtype=np.int32
    )
    near = np.zeros(len(rows), dtype=bool)
    for offset in range(-reach, reach + 1):
        half = int(np.sqrt(radius**2 - offset**2))
        line = rows + reach + offset
        end, start = columns + reach + 1 + half, columns + reach - half
        near |= sums[line, end] > sums[line, start]
    return float(near.mean())
