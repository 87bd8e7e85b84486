"""Count which categories are taken for which."""

from __future__ import annotations

import numpy as np


def match_objects(
    ious: np.ndarray, gt_labels: np.ndarray, found_labels: np.ndarray, iou_thr: float
) -> list[tuple[int, int]]:
    """Pair objects and predictions of an image, each at most once.

    Pairs of one label come first, then the larger overlap: a prediction that is right
        is
    not robbed of its object by one that lies better but is called something else.

    Args:
        ious: (T, F) overlaps of T objects with F predictions.
        gt_labels: (T,) int.
        found_labels: (F,) int.
        iou_thr: Smallest overlap of a pair.

    Returns:
        (object, prediction) indices.
    """
    ground_truths, predictions = np.nonzero(ious >= iou_thr)
    differ = gt_labels[ground_truths] != found_labels[predictions]
    order = np.lexsort((-ious[ground_truths, predictions], differ))
    pairs: list[tuple[int, int]] = []
    taken_ground_truths: set[int] = set()
    taken_predictions: set[int] = set()
    for i in order.tolist():
        ground_truth, prediction = int(ground_truths[i]), int(predictions[i])
        if ground_truth in taken_ground_truths or prediction in taken_predictions:
            continue
        taken_ground_truths.add(ground_truth)
        taken_predictions.add(prediction)
        pairs.append((ground_truth, prediction))
    return pairs


def count_confusions(
    pairs: list[tuple[int, int]],
    gt_labels: np.ndarray,
    found_labels: np.ndarray,
    num_classes: int,
) -> np.ndarray:
    """Count what the objects of an image were taken for.

    Args:
        pairs: Of :func:`match_objects`.
        gt_labels: (T,) int in 0..num_classes - 1.
        found_labels: (F,) int in the same range.
        num_classes: C.

    Returns:
        (C + 1, C + 1) int64: ``[i, j]`` objects of class i were called j; row C:
        predictions without an object; column C: objects without a prediction.
    """
    counts = np.zeros((num_classes + 1, num_classes + 1), dtype=np.int64)
    for ground_truth, prediction in pairs:
        counts[gt_labels[ground_truth], found_labels[prediction]] += 1
    missed = np.delete(gt_labels, [ground_truth for ground_truth, _ in pairs])
    np.add.at(counts[:, num_classes], missed, 1)
    invented = np.delete(found_labels, [prediction for _, prediction in pairs])
    np.add.at(counts[num_classes], invented, 1)
    return counts
