"""BDD100K tracking of boxes and masks: CLEAR MOT and IDF1 class by class.

Frames of one video and one class -> counts -> metrics of a class, of a group of
classes, and of all.

Legend: G annotated and P predicted objects of a frame, R regions to be ignored.

The rules are those of the Scalabel toolkit, which counts as ``py-motmetrics`` does:
an object keeps its partner of before as long as the two overlap enough, and only what
is left is assigned anew. They are written anew here because the toolkit's metrics
cannot be had without its own dependencies; other tracking metrics come from TrackEval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from uninext.evaluation.functional.tracking import TrackingFrame

IOU_THR = 0.5  # from which a prediction can be the object
IOF_THR = 0.5  # above which a spare prediction lies in a region to be ignored
MOSTLY_TRACKED, MOSTLY_LOST = 0.8, 0.2
SUPER_CLASSES = {
    'human': ('pedestrian', 'rider'),
    'vehicle': ('car', 'truck', 'bus', 'train'),
    'bike': ('motorcycle', 'bicycle'),
}
# Metrics of which the mean over the classes is reported; counts are added up.
AVERAGED = ('MOTA', 'MOTP', 'IDF1')


@dataclass
class ClearCounts:
    """What is counted in the videos of a class; counts of several can be added.

    Attributes:
        objects: Annotated boxes or masks.
        predictions: Predicted ones, without those in regions to be ignored.
        matches: Pairs, those of switches included.
        misses: FN, annotated ones without a partner.
        false_positives: FP, predicted ones without a partner.
        switches: IDSw, pairs whose object had another partner before.
        fragmentations: FM, how often an object is lost and found again.
        mostly_tracked: MT, objects with a partner in at least 0.8 of their frames.
        partially_tracked: PT, objects between the two.
        mostly_lost: ML, objects with a partner in less than 0.2 of their frames.
        identity_matches: IDTP, pairs under the best one-to-one assignment of ids.
        distance: Sum of 1 - IoU over the pairs.
    """

    objects: int = 0
    predictions: int = 0
    matches: int = 0
    misses: int = 0
    false_positives: int = 0
    switches: int = 0
    fragmentations: int = 0
    mostly_tracked: int = 0
    partially_tracked: int = 0
    mostly_lost: int = 0
    identity_matches: int = 0
    distance: float = 0.0

    def __add__(self, other: ClearCounts) -> ClearCounts:
        return ClearCounts(*(a + b for a, b in zip(astuple(self), astuple(other))))


def drop_ignored(frame: TrackingFrame, iof: np.ndarray) -> TrackingFrame:
    """Leave out predictions that are no object but lie in a region to be ignored.

    Args:
        frame: Objects and predictions of a class.
        iof: (P, R), ``[i, j]`` the part of prediction i that region j covers, [0, 1];
            regions of all classes.

    Returns:
        The frame without those predictions.
    """
    if not iof.size:
        return frame
    spare = np.ones(len(frame.track_ids), dtype=bool)
    spare[_assign(_distances(frame.similarity))[1]] = False
    keep = ~(spare & (iof > IOF_THR).any(axis=1))
    return TrackingFrame(frame.gt_ids, frame.track_ids[keep], frame.similarity[:, keep])


def count_video(frames: Sequence[TrackingFrame]) -> ClearCounts:
    """Count one video of one class.

    Args:
        frames: In order; ids are unique within a frame.

    Returns:
        The counts.
    """
    counts = ClearCounts()
    partner_of: dict[int, int] = {}
    found: dict[int, list[bool]] = {}  # object -> whether it has a partner, by frame
    for frame in frames:
        distances = _distances(frame.similarity)
        rows, columns = _match(frame, distances, partner_of)
        for row, column in zip(rows, columns):
            identity = int(frame.gt_ids[row])
            track = int(frame.track_ids[column])
            counts.switches += partner_of.get(identity, track) != track
            partner_of[identity] = track
        counts.objects += len(frame.gt_ids)
        counts.predictions += len(frame.track_ids)
        counts.matches += len(rows)
        counts.distance += float(distances[rows, columns].sum())
        matched = set(rows)
        for row, identity in enumerate(frame.gt_ids.tolist()):
            found.setdefault(identity, []).append(row in matched)
    counts.misses = counts.objects - counts.matches
    counts.false_positives = counts.predictions - counts.matches
    for flags in found.values():
        share = sum(flags) / len(flags)
        counts.mostly_tracked += share >= MOSTLY_TRACKED
        counts.mostly_lost += share < MOSTLY_LOST
        counts.partially_tracked += MOSTLY_LOST <= share < MOSTLY_TRACKED
        counts.fragmentations += _count_fragmentations(flags)
    counts.identity_matches = _count_identity_matches(frames)
    return counts


def metrics_of(counts: ClearCounts) -> dict[str, float]:
    """Metrics of counts.

    Args:
        counts: Of a class, or added up.

    Returns:
        ``MOTA``, ``MOTP`` (mean IoU of pairs) and ``IDF1``, 1 is the best, NaN (MOTA
        also -inf) where nothing is there to divide by; ``FP``, ``FN``, ``IDSw``,
        ``MT``, ``PT``, ``ML`` and ``FM``.
    """
    errors = counts.misses + counts.switches + counts.false_positives
    return {
        'MOTA': 1 - _divide(errors, counts.objects),
        'MOTP': 1 - _divide(counts.distance, counts.matches),
        'IDF1': _divide(
            2 * counts.identity_matches, counts.objects + counts.predictions
        ),
        'FP': counts.false_positives,
        'FN': counts.misses,
        'IDSw': counts.switches,
        'MT': counts.mostly_tracked,
        'PT': counts.partially_tracked,
        'ML': counts.mostly_lost,
        'FM': counts.fragmentations,
    }


def summarize_classes(
    counts: Mapping[str, ClearCounts],
    super_classes: Mapping[str, Sequence[str]] = SUPER_CLASSES,
) -> dict[str, dict[str, float]]:
    """Metrics of the classes, of groups of them, and of all.

    Args:
        counts: Class -> counts over all videos.
        super_classes: Group -> its classes; their counts are added up.

    Returns:
        Name -> metrics as :func:`metrics_of`: each class, each group, ``OVERALL`` (all
        counts added up), and ``AVERAGE``: the mean over all classes where 0 stands for
        a class that has no metric, of MOTA, MOTP and IDF1, and the sum of the counts.
    """
    metrics = {name: metrics_of(value) for name, value in counts.items()}
    average: dict[str, float] = {}
    for key in metrics_of(ClearCounts()):
        values = [f[key] if math.isfinite(f[key]) else 0 for f in metrics.values()]
        average[key] = float(np.mean(values)) if key in AVERAGED else sum(values)
    groups = {**super_classes, 'OVERALL': tuple(counts)}
    for group, names in groups.items():
        metrics[group] = metrics_of(sum((counts[n] for n in names), ClearCounts()))
    return {**metrics, 'AVERAGE': average}


def _distances(similarity: np.ndarray) -> np.ndarray:
    """1 - IoU; inf where it is too little for a pair."""
    distances = 1.0 - similarity
    return np.where(distances > 1 - IOU_THR, np.inf, distances)


def _assign(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As many pairs as possible, and of those ways the one of least distance."""
    possible = np.isfinite(distances)
    if not possible.any():
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    # distances are at most 1: one impossible pair is worse than all others together
    costs = np.where(possible, distances, 2.0 * min(distances.shape) + 1)
    from scipy.optimize import linear_sum_assignment  # a second to load

    rows, columns = linear_sum_assignment(costs)
    keep = possible[rows, columns]
    return rows[keep], columns[keep]


def _match(
    frame: TrackingFrame, distances: np.ndarray, partner_of: Mapping[int, int]
) -> tuple[list[int], list[int]]:
    """Pairs of a frame: partners of before first, the rest assigned anew."""
    column_of = {track: column for column, track in enumerate(frame.track_ids.tolist())}
    rows: list[int] = []
    columns: list[int] = []
    for row, identity in enumerate(frame.gt_ids.tolist()):
        partner = partner_of.get(identity)
        column = None if partner is None else column_of.get(partner)
        if column is None or column in columns:
            continue
        if np.isfinite(distances[row, column]):
            rows.append(row)
            columns.append(column)
    rest = distances.copy()
    rest[rows, :] = np.inf
    rest[:, columns] = np.inf
    new_rows, new_columns = _assign(rest)
    return rows + new_rows.tolist(), columns + new_columns.tolist()


def _count_fragmentations(flags: list[bool]) -> int:
    """How often a partner is lost between the first and the last one."""
    places = np.flatnonzero(flags)
    return int((np.diff(places) > 1).sum())


def _count_identity_matches(frames: Sequence[TrackingFrame]) -> int:
    shared: dict[tuple[int, int], int] = {}
    for frame in frames:
        rows, columns = np.nonzero(np.isfinite(_distances(frame.similarity)))
        pairs = zip(frame.gt_ids[rows].tolist(), frame.track_ids[columns].tolist())
        for pair in pairs:
            shared[pair] = shared.get(pair, 0) + 1
    if not shared:
        return 0
    ground_truth, row_of = np.unique([pair[0] for pair in shared], return_inverse=True)
    tracks, column_of = np.unique([pair[1] for pair in shared], return_inverse=True)
    table = np.zeros((len(ground_truth), len(tracks)), dtype=np.int64)
    table[row_of, column_of] = list(shared.values())
    from scipy.optimize import linear_sum_assignment  # a second to load

    return int(table[linear_sum_assignment(table, maximize=True)].sum())


def _divide(numerator: float, denominator: float) -> float:
    if denominator:
        return numerator / denominator
    return math.inf if numerator else math.nan
