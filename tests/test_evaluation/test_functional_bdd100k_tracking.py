from __future__ import annotations

import math

import numpy as np
import pytest

from uninext.evaluation.functional.bdd100k_tracking import (
    ClearCounts,
    count_video,
    drop_ignored,
    metrics_of,
    summarize_classes,
)
from uninext.evaluation.functional.tracking import TrackingFrame


def frame(ground_truth=(), tracks=(), similarity=None) -> TrackingFrame:
    """By default objects and predictions of the same place in the list coincide."""
    if similarity is None:
        similarity = np.eye(len(ground_truth), len(tracks))
    return TrackingFrame(
        np.array(ground_truth, dtype=int),
        np.array(tracks, dtype=int),
        np.array(similarity, dtype=float).reshape(len(ground_truth), len(tracks)),
    )


def test_nothing_at_all():
    counts = count_video([])
    assert counts == ClearCounts() == count_video([frame()])
    metrics = metrics_of(counts)
    assert all(math.isnan(metrics[key]) for key in ('MOTA', 'MOTP', 'IDF1'))
    assert not any(metrics[key] for key in ('FP', 'FN', 'IDSw', 'MT', 'PT', 'ML', 'FM'))
    summary = summarize_classes({'car': counts}, {})
    assert summary['AVERAGE']['MOTA'] == 0


def test_perfect_tracking():
    metrics = metrics_of(count_video([frame([1, 2], [7, 8])] * 3))
    assert (metrics['MOTA'], metrics['MOTP'], metrics['IDF1']) == (1, 1, 1)
    assert (metrics['MT'], metrics['PT'], metrics['ML']) == (2, 0, 0)


def test_only_false_alarms_and_only_misses():
    metrics = metrics_of(count_video([frame([], [1])] * 2))
    assert (metrics['MOTA'], metrics['FP'], metrics['IDF1']) == (-math.inf, 2, 0)
    assert summarize_classes({'a': count_video([frame([], [1])])}, {})['AVERAGE']['FP']
    metrics = metrics_of(count_video([frame([1])] * 2))
    assert (metrics['MOTA'], metrics['FN'], metrics['ML']) == (0, 2, 1)


def test_a_partner_is_kept_while_it_overlaps_enough():
    """The better new one is not taken until the old one is too far."""
    frames = [
        frame([1], [5]),
        frame([1], [5, 6], [0.6, 0.9]),
        frame([1], [5, 6], [0.49, 0.9]),
    ]
    counts = count_video(frames)
    assert (counts.matches, counts.switches, counts.false_positives) == (3, 1, 2)
    assert counts.distance == pytest.approx(0 + 0.4 + 0.1)
    # best one-to-one assignment of ids: 5 is near in two frames, 6 in two
    assert counts.identity_matches == 2


def test_a_switch_after_a_gap_counts():
    frames = [frame([1], [5]), frame([1]), frame([1], [6])]
    counts = count_video(frames)
    assert (counts.switches, counts.fragmentations) == (1, 1)


def test_fragmentations_are_between_the_first_and_the_last_partner():
    flags = [0, 1, 1, 0, 0, 1, 0, 1, 0]
    frames = [frame([1], [5] if flag else []) for flag in flags]
    assert count_video(frames).fragmentations == 2
    # frames without the object do not lose it
    frames = [frame([1], [5]), frame([], []), frame([1], [5])]
    assert count_video(frames).fragmentations == 0


@pytest.mark.parametrize(
    ('num_found', 'kind'),
    [(8, 'mostly_tracked'), (7, 'partially_tracked'), (2, 'partially_tracked')]
    + [(1, 'mostly_lost'), (0, 'mostly_lost')],
)
def test_shares_of_the_life_of_an_object(num_found, kind):
    frames = [frame([1], [5] if i < num_found else []) for i in range(10)]
    counts = count_video(frames)
    kinds = ('mostly_tracked', 'partially_tracked', 'mostly_lost')
    assert {k: getattr(counts, k) for k in kinds} == {k: int(k == kind) for k in kinds}


def test_as_many_pairs_as_possible():
    """One object could take both predictions; the worse pairing has two pairs."""
    counts = count_video([frame([1, 2], [5, 6], [[0.95, 0.6], [0.6, 0.0]])])
    assert (counts.matches, counts.distance) == (2, pytest.approx(0.8))
    assert count_video([frame([1], [5], [0.5])]).matches == 1
    assert count_video([frame([1], [5], [0.499])]).matches == 0


def test_spare_predictions_in_ignored_regions_do_not_count():
    whole = frame([1], [5, 6, 7], [0.6, 0.9, 0])
    iof = np.array([[0.9], [0.9], [0.5]])  # 6 is the object, 7 is not covered enough
    kept = drop_ignored(whole, iof)
    assert kept.track_ids.tolist() == [6, 7]
    assert kept.similarity.tolist() == [[0.9, 0]]
    assert drop_ignored(whole, np.zeros((3, 0))) is whole
    assert drop_ignored(frame([], [5]), np.array([[0.6]])).track_ids.size == 0


def test_order_of_predictions_and_names_of_ids_do_not_matter():
    """The order of objects does: two may claim the partner that both had before."""
    rng = np.random.default_rng(0)
    frames, renamed = [], []
    for _ in range(20):
        ground_truth, tracks = rng.permutation(6)[:4], rng.permutation(6)[:5]
        table = rng.random((4, 5))
        frames.append(frame(ground_truth, tracks, table))
        columns = rng.permutation(5)
        shuffled = 30 + 2 * tracks[columns]
        renamed.append(frame(9 - ground_truth, shuffled, table[:, columns]))
    before, after = count_video(frames), count_video(renamed)
    assert metrics_of(before) == pytest.approx(metrics_of(after))


def test_groups_add_up_counts_and_the_average_takes_every_class():
    found = count_video([frame([1], [5])] * 4)
    lost = count_video([frame([1])] * 4)
    counts = dict(pedestrian=found, rider=lost, car=ClearCounts())
    groups = dict(human=('pedestrian', 'rider'), vehicle=('car',))
    summary = summarize_classes(counts, groups)
    assert summary['human'] == summary['OVERALL'] == metrics_of(found + lost)
    assert summary['human']['MOTA'] == 0.5
    assert summary['AVERAGE']['MOTA'] == pytest.approx(1 / 3)
    assert summary['AVERAGE']['FN'] == 4
    assert math.isnan(summary['vehicle']['MOTA'])
