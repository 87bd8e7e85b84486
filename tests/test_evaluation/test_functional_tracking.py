from __future__ import annotations

import sys

import numpy as np
import pytest

from uninext.evaluation.functional.tracking import (
    TrackingFrame,
    distracted_predictions,
    mask_similarity,
    tracking_metrics,
)
from uninext.formats.boxes import pairwise_iou
from uninext.formats.rle import encode_mask


def make_frames(tracks: list[list[int]], ground_truth: int = 2) -> list[TrackingFrame]:
    """Frames whose k-th answer is exactly the k-th object."""
    return [
        TrackingFrame(
            np.arange(ground_truth), np.array(ids), np.eye(ground_truth, len(ids))
        )
        for ids in tracks
    ]


def test_no_frames_no_objects_no_answers():
    with pytest.raises(ValueError, match='No sequence'):
        tracking_metrics({})
    assert tracking_metrics({'a': []})['COMBINED']['CLR_TP'] == 0
    found = tracking_metrics({'a': make_frames([[], []])})['a']
    assert found['HOTA'] == found['IDF1'] == 0
    assert found['CLR_FN'] == 4
    found = tracking_metrics({'a': make_frames([[1], [1]], ground_truth=0)})['a']
    assert found['CLR_FP'] == found['IDFP'] == 2


def test_perfect_tracks_whatever_their_ids():
    found = tracking_metrics({'a': make_frames([[7, 100]] * 4)})['COMBINED']
    for key in ('HOTA', 'DetA', 'AssA', 'LocA', 'MOTA', 'MOTP', 'IDF1'):
        assert found[key] == pytest.approx(1), key
    assert found['MT'] == 2


def test_a_swap_of_ids_by_hand():
    found = tracking_metrics({'a': make_frames([[1, 2]] * 3 + [[2, 1]] * 3)})['a']
    assert found['IDSW'] == 2
    assert found['MOTA'] == pytest.approx(1 - 2 / 12)
    assert found['IDF1'] == pytest.approx(0.5)
    # Of 6 frames each, 3 are shared: 3 / (6 + 6 - 3).
    assert found['AssA'] == pytest.approx(1 / 3)
    assert found['HOTA'] == pytest.approx(np.sqrt(1 / 3))


def test_sequences_are_combined_by_their_counts():
    sequences = {'a': make_frames([[1, 2]] * 3), 'b': make_frames([[]] * 1)}
    found = tracking_metrics(sequences)
    assert found['COMBINED']['CLR_TP'] == 6
    assert found['COMBINED']['MOTA'] == pytest.approx(6 / 8)
    assert found['b']['MOTA'] == 0


def test_an_id_twice_in_a_frame_is_an_error():
    with pytest.raises(ValueError, match='a: frame 2 has an id twice'):
        tracking_metrics({'a': make_frames([[1, 2], [3, 3]])})


def test_without_trackeval_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'trackeval.metrics', None)
    with pytest.raises(ImportError, match='requirements/tracking.txt'):
        tracking_metrics({'a': make_frames([[1, 2]])})


def test_similarities_of_boxes_and_masks_agree():
    boxes = np.array([[0, 0, 4, 4], [2, 2, 8, 6], [1, 0, 3, 9], [5, 5, 5, 5]])
    masks = np.zeros((4, 10, 10), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        mask[y1:y2, x1:x2] = True
    rles = [encode_mask(mask) for mask in masks]
    by_boxes = pairwise_iou(boxes[:3], boxes)
    np.testing.assert_allclose(mask_similarity(rles[:3], rles), by_boxes)
    np.testing.assert_allclose(np.diag(by_boxes), 1)
    assert pairwise_iou(boxes[3:], boxes[3:]) == 0
    assert pairwise_iou([], boxes).shape == (0, 4)
    assert mask_similarity(rles, []).shape == (4, 0)


def test_what_matches_a_distractor_best_is_left_out():
    similarity = np.array([[0.9, 0.6, 0.0], [0.7, 0.8, 0.4]])
    left_out = distracted_predictions(similarity, [False, True])
    assert left_out.tolist() == [False, True, False]
    assert not distracted_predictions(similarity * 0.5, [True, True]).any()
    assert distracted_predictions(np.zeros((0, 2)), []).tolist() == [False, False]
