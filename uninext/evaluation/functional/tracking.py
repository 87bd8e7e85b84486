"""Multi-object tracking: HOTA, CLEAR and IDF1, computed by TrackEval.

Legend: G annotated and P predicted objects of a frame; ids are whole numbers that
stay with an object over a sequence; boxes are (x1, y1, x2, y2) in absolute pixels.

TrackEval is used on arrays only. It is installed without what it asks for
(requirements/tracking.txt): its pins would replace numpy and OpenCV, though these
metrics need numpy and scipy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

SIMILARITY_TH = 0.5  # CLEAR and IDF1: IoU from which a box may be the object's
COMBINED = 'COMBINED'
ABSENT = (
    'Metrics of tracks need TrackEval: pip install --no-deps -r '
    'requirements/tracking.txt'
)


@dataclass
class TrackingFrame:
    """What is annotated and what was found in one frame.

    Attributes:
        gt_ids: (G,) int.
        track_ids: (P,) int.
        similarity: (G, P) in [0, 1], ``[i, j]`` of annotation i and prediction j.
    """

    gt_ids: np.ndarray
    track_ids: np.ndarray
    similarity: np.ndarray


def mask_similarity(ground_truth: Sequence[dict], pred: Sequence[dict]) -> np.ndarray:
    """IoU of all pairs of masks.

    Args:
        ground_truth: G RLEs.
        pred: P RLEs.

    Returns:
        (G, P) in [0, 1].
    """
    if not len(ground_truth) or not len(pred):
        return np.zeros((len(ground_truth), len(pred)))
    return np.asarray(mask_utils.iou(list(ground_truth), list(pred), [0] * len(pred)))


def distracted_predictions(
    similarity: np.ndarray, is_distractor: np.ndarray
) -> np.ndarray:
    """Predictions that are neither right nor wrong: their best match does not count.

    Both sides are matched over all kinds of objects first.

    Args:
        similarity: (G, P) in [0, 1].
        is_distractor: (G,) bool, True where the annotation does not count.

    Returns:
        (P,) bool, True where the prediction is to be left out.
    """
    similarity = np.asarray(similarity, dtype=np.float64)
    enough = similarity >= SIMILARITY_TH - np.finfo(float).eps
    from scipy.optimize import linear_sum_assignment  # a second to load

    rows, columns = linear_sum_assignment(-np.where(enough, similarity, 0))
    matched = enough[rows, columns] & np.asarray(is_distractor, dtype=bool)[rows]
    distracted = np.zeros(similarity.shape[1], dtype=bool)
    distracted[columns[matched]] = True
    return distracted


def tracking_metrics(
    sequences: Mapping[str, Sequence[TrackingFrame]],
) -> dict[str, dict[str, float]]:
    """HOTA, CLEAR and identity metrics of a set.

    Args:
        sequences: Name -> frames in order; T may be 0.

    Returns:
        As :func:`combine_sequences`.

    Raises:
        ValueError: If there is no sequence, or an id is used twice in a frame.
        ImportError: If TrackEval is not installed.
    """
    results = {}
    for name, frames in sequences.items():
        try:
            results[name] = evaluate_sequence(frames)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from None
    return combine_sequences(results)


def evaluate_sequence(frames: Sequence[TrackingFrame]) -> dict[str, dict[str, Any]]:
    """Count what one sequence adds to the metrics of a set.

    Args:
        frames: In order; T may be 0.

    Returns:
        Name of a metric of TrackEval (``HOTA``, ``CLEAR``, ``Identity``) -> its result
        for the sequence: numbers and arrays over 19 IoU thresholds, whatever T is.

    Raises:
        ValueError: If an id is used twice in a frame.
        ImportError: If TrackEval is not installed.
    """
    data = _as_trackeval(frames)
    return {metric.get_name(): metric.eval_sequence(data) for metric in _load_metrics()}


def combine_sequences(
    results: Mapping[str, Mapping[str, dict[str, Any]]],
) -> dict[str, dict[str, float]]:
    """HOTA, CLEAR and identity metrics of sequences, and of all together.

    Paper: HOTA: A Higher Order Metric for Evaluating Multi-object Tracking,
    arXiv 2009.07736. Follows: TrackEval 1.3.0.

    Args:
        results: Name -> what :func:`evaluate_sequence` gives.

    Returns:
        Name -> metrics, and ``COMBINED``: over all sequences, as TrackEval combines
        them. ``HOTA``, ``DetA``, ``AssA``, ``LocA`` ... are means over 19 IoU
        thresholds; ``MOTA``, ``MOTP``, ``IDF1``, ``IDP``, ``IDR`` ... in [0, 1];
        ``CLR_TP``, ``CLR_FN``, ``CLR_FP``, ``IDSW``, ``MT``, ``PT``, ``ML``, ``Frag``
        are counts.

    Raises:
        ValueError: If there is no sequence.
        ImportError: If TrackEval is not installed.
    """
    if not results:
        raise ValueError('No sequence to evaluate.')
    metrics: dict[str, dict[str, float]] = {COMBINED: {}, **{n: {} for n in results}}
    for metric in _load_metrics():
        of_metric = {
            name: result[metric.get_name()] for name, result in results.items()
        }
        combined = {COMBINED: metric.combine_sequences(of_metric)}
        for name, result in {**of_metric, **combined}.items():
            metrics[name].update(_as_metrics(metric, result))
    return metrics


def load_trackeval(benchmark: str, **config: Any) -> Any:
    """One of TrackEval's benchmarks, for its preprocessing of what is in memory.

    Its constructor looks for files; it is shown one that is there and reads none.

    Args:
        benchmark: Name of a class of ``trackeval.datasets``.
        **config: Of the class, in its own spelling (``BENCHMARK='MOT20'``).

    Raises:
        ImportError: If TrackEval is not installed.
    """
    try:
        from trackeval import datasets
    except ImportError as error:
        raise ImportError(ABSENT) from error
    files = dict(GT_LOC_FORMAT=__file__, TRACKERS_TO_EVAL=[], SEQ_INFO={'': 1})
    return getattr(datasets, benchmark)({**files, **config, 'PRINT_CONFIG': False})


def _load_metrics() -> list[Any]:
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise ImportError(ABSENT) from error
    config = {'THRESHOLD': SIMILARITY_TH, 'PRINT_CONFIG': False}
    return [HOTA(), CLEAR(dict(config)), Identity(dict(config))]


def _as_trackeval(frames: Sequence[TrackingFrame]) -> dict[str, Any]:
    """Number ids from 0, as TrackEval wants them, and count."""
    data: dict[str, Any] = {'num_timesteps': len(frames)}
    kinds = (
        ('gt', 'gt_ids', 'gt_dets'),
        ('tracker', 'track_ids', 'tracker_dets'),
    )
    for kind, field, dets in kinds:
        ids = [np.asarray(getattr(f, field), dtype=np.int64) for f in frames]
        for number, values in enumerate(ids, start=1):
            if len(np.unique(values)) != len(values):
                raise ValueError(
                    f'frame {number} has an id twice among {field}: '
                    f'{sorted(values.tolist())}. An object is once in a frame.'
                )
        known = np.unique(np.concatenate(ids)) if ids else np.zeros(0, dtype=np.int64)
        data[f'{kind}_ids'] = [np.searchsorted(known, values) for values in ids]
        data[f'num_{kind}_ids'] = len(known)
        data[f'num_{dets}'] = sum(len(values) for values in ids)
    data['similarity_scores'] = [f.similarity for f in frames]
    return data


def _as_metrics(metric: Any, result: dict[str, Any]) -> dict[str, float]:
    return {key: float(np.mean(result[key])) for key in metric.summary_fields}
