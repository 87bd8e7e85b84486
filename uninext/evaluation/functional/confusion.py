"""Which categories are taken for which: objects and answers enter, counts leave."""

from __future__ import annotations

import numpy as np


def match_objects(
    ious: np.ndarray, truth_labels: np.ndarray, found_labels: np.ndarray, iou_thr: float
) -> list[tuple[int, int]]:
    """Pair objects and answers of a picture, each at most once.

    Pairs of one label come first, then the larger overlap: an answer that is right is
    not robbed of its object by one that lies better but is called something else.

    Args:
        ious: (T, F) overlaps of T objects with F answers.
        truth_labels: (T,) int.
        found_labels: (F,) int.
        iou_thr: Smallest overlap of a pair.

    Returns:
        (object, answer) indices.
    """
    truths, answers = np.nonzero(ious >= iou_thr)
    differ = truth_labels[truths] != found_labels[answers]
    order = np.lexsort((-ious[truths, answers], differ))
    pairs: list[tuple[int, int]] = []
    taken_truths: set[int] = set()
    taken_answers: set[int] = set()
    for i in order.tolist():
        truth, answer = int(truths[i]), int(answers[i])
        if truth in taken_truths or answer in taken_answers:
            continue
        taken_truths.add(truth)
        taken_answers.add(answer)
        pairs.append((truth, answer))
    return pairs


def count_confusions(
    pairs: list[tuple[int, int]],
    truth_labels: np.ndarray,
    found_labels: np.ndarray,
    num_classes: int,
) -> np.ndarray:
    """Count what the objects of a picture were taken for.

    Args:
        pairs: Of :func:`match_objects`.
        truth_labels: (T,) int in 0..num_classes - 1.
        found_labels: (F,) int in the same range.
        num_classes: C.

    Returns:
        (C + 1, C + 1) int64: ``[i, j]`` objects of class i were called j; row C:
        answers without an object; column C: objects without an answer.
    """
    counts = np.zeros((num_classes + 1, num_classes + 1), dtype=np.int64)
    for truth, answer in pairs:
        counts[truth_labels[truth], found_labels[answer]] += 1
    missed = np.delete(truth_labels, [truth for truth, _ in pairs])
    np.add.at(counts[:, num_classes], missed, 1)
    invented = np.delete(found_labels, [answer for _, answer in pairs])
    np.add.at(counts[num_classes], invented, 1)
    return counts
