from __future__ import annotations

import numpy as np
import pytest

from uninext.evaluation.functional.video_objects import (
    ObjectScores,
    contour_accuracy,
    frame_statistics,
    mask_contour,
    region_similarity,
    summarize_objects,
    summarize_seen_unseen,
)

SIZE = (24, 32)


def make_mask(y1: int, y2: int, x1: int, x2: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y1:y2, x1:x2] = True
    return mask


def contour_by_loops(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    edge = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            around = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            inside = [(v, u) for v, u in around if v < height and u < width]
            edge[y, x] = any(mask[v, u] != mask[y, x] for v, u in inside)
    return edge


def accuracy_by_pairs(
    pred: np.ndarray, ground_truth: np.ndarray, radius: float
) -> float:
    a, b = (np.argwhere(contour_by_loops(m)) for m in (pred, ground_truth))
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    near = ((a[:, None] - b) ** 2).sum(-1) <= radius**2
    precision, recall = near.any(1).mean(), near.any(0).mean()
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def test_empty_masks():
    empty, full = np.zeros(SIZE, bool), make_mask(2, 9, 3, 9)
    assert region_similarity(empty, empty) == contour_accuracy(empty, empty) == 1
    for pair in ((empty, full), (full, empty)):
        assert region_similarity(*pair) == contour_accuracy(*pair) == 0
    everywhere = np.ones(SIZE, bool)  # has no contour
    assert contour_accuracy(everywhere, everywhere) == 1
    assert contour_accuracy(everywhere, full) == 0


def test_equal_masks_are_right_and_far_ones_wrong():
    mask = make_mask(2, 9, 3, 9)
    assert region_similarity(mask, mask) == contour_accuracy(mask, mask) == 1
    assert contour_accuracy(mask, make_mask(14, 22, 20, 30)) == 0


@pytest.mark.parametrize('radius', [1, 2, 5])
def test_contours_against_all_pairs_of_pixels(radius: int):
    rng = np.random.default_rng(radius)
    for _ in range(12):
        y, x = rng.integers(0, 12, 2)
        pred = make_mask(y, y + rng.integers(1, 20), x, x + rng.integers(1, 24))
        ground_truth = make_mask(3, 15, 8, 32)
        ground_truth[rng.integers(0, 24, 40), rng.integers(0, 32, 40)] ^= True
        found = contour_accuracy(pred, ground_truth, bound_th=radius)
        assert found == pytest.approx(accuracy_by_pairs(pred, ground_truth, radius))
        assert found == pytest.approx(
            contour_accuracy(ground_truth, pred, bound_th=radius)
        )
        np.testing.assert_array_equal(
            mask_contour(ground_truth), contour_by_loops(ground_truth)
        )


def test_the_tolerance_grows_with_the_diagonal():
    # 0.1 of a diagonal of 40 are 4 pixels.
    ground_truth, pred = make_mask(4, 14, 4, 14), make_mask(8, 18, 8, 18)
    by_share = contour_accuracy(pred, ground_truth, bound_th=0.1)
    assert by_share == contour_accuracy(pred, ground_truth, bound_th=4)
    assert by_share > contour_accuracy(pred, ground_truth, bound_th=3)


def test_statistics_of_frames():
    values = np.concatenate([np.ones(300), np.zeros(100)])
    found = frame_statistics(values)
    assert found['mean'] == found['recall'] == 0.75
    assert found['decay'] == pytest.approx(1, abs=0.01)
    assert frame_statistics(np.array([0.5])) == dict(mean=0.5, recall=0, decay=0)
    with pytest.raises(ValueError, match='at least one frame'):
        frame_statistics(np.zeros(0))


def test_objects_count_equally_whatever_their_length():
    long, short = np.ones(9), np.zeros(1)
    scores = [ObjectScores(long, long), ObjectScores(short, short)]
    assert summarize_objects(scores)['J&F'] == 0.5
    with pytest.raises(ValueError, match='No object'):
        summarize_objects([])


def test_seen_and_unseen_count_equally():
    values = [1.0, 1.0, 0.5]
    scores = [ObjectScores(np.array([v]), np.array([v / 2])) for v in values]
    found = summarize_seen_unseen(scores, [True, True, False])
    expected = dict(J_seen=1, J_unseen=0.5, F_seen=0.5, F_unseen=0.25, G=2.25 / 4)
    assert found == expected
    for flags in ([True] * 3, [True, False]):
        with pytest.raises(ValueError, match='G needs'):
            summarize_seen_unseen(scores, flags)


def test_sizes_must_agree():
    mask = make_mask(2, 9, 3, 9)
    for evaluate in (region_similarity, contour_accuracy):
        with pytest.raises(ValueError, match=r'both must be \(H, W\)'):
            evaluate(mask, mask[:5])
