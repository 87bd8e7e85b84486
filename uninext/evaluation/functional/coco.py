"""AP and AR by COCO's rules: pycocotools matches, the means are taken here.

COCO dictionaries in, metrics out. Instances of videos (:mod:`video_instances`) use the
same means over tubes of masks.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

MAX_DETS = (1, 10, 100)
# Metric -> table of pycocotools, IoU threshold, size of the objects.
_PRECISIONS = {
    'AP': (None, 'all'),
    'AP50': (0.5, 'all'),
    'AP75': (0.75, 'all'),
    'APs': (None, 'small'),
    'APm': (None, 'medium'),
    'APl': (None, 'large'),
}
_RECALLS = {'ARs': 'small', 'ARm': 'medium', 'ARl': 'large'}


def coco_evaluation(
    ground_truth: dict[str, list[dict]],
    results: Sequence[dict],
    kind: str,
    max_dets: Sequence[int] = MAX_DETS,
    category_ids: Sequence[Any] | None = None,
) -> COCOeval:
    """Match results with objects as pycocotools does.

    Args:
        ground_truth: COCO dictionary: ``images``, ``annotations``, ``categories``.
        results: COCO results ``{image_id, category_id, score, bbox | segmentation}``.
        kind: ``bbox`` or ``segm``.
        max_dets: How many results count for an image and category, ascending.
        category_ids: Those that count; all of ``ground_truth`` if None.

    Raises:
        ValueError: If ``max_dets`` are not ascending positive numbers.
    """
    check_max_dets(max_dets)
    # The area is that of the kind: loadRes takes the first of these that it finds.
    dropped = 'bbox' if kind == 'segm' else 'segmentation'
    results = [{k: v for k, v in r.items() if k != dropped} for r in results]
    with contextlib.redirect_stdout(io.StringIO()):
        annotated, predicted = COCO(), COCO()
        annotated.dataset = ground_truth
        annotated.createIndex()
        if results:
            predicted = annotated.loadRes(results)
        else:
            predicted.dataset = {**ground_truth, 'annotations': []}
            predicted.createIndex()
        evaluation = COCOeval(annotated, predicted, kind)
        return accumulated(evaluation, max_dets, category_ids)


def accumulated(
    evaluation: COCOeval,
    max_dets: Sequence[int] = MAX_DETS,
    category_ids: Sequence[Any] | None = None,
) -> COCOeval:
    """Run an evaluation in silence.

    Args:
        evaluation: Not yet run.
        max_dets: As :func:`coco_evaluation`.
        category_ids: As :func:`coco_evaluation`.
    """
    evaluation.params.maxDets = list(max_dets)
    if category_ids is not None:
        evaluation.params.catIds = sorted(category_ids)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def coco_metrics(
    evaluation: COCOeval, categories: slice = slice(None)
) -> dict[str, float]:
    """Take the twelve means of COCO.

    Source: pycocotools ``cocoeval.py``, ``summarize``. Deviation: AP counts the
    largest of ``maxDets``, there always 100 (and -1 where 100 is not among them).

    Args:
        evaluation: Accumulated.
        categories: Which of ``evaluation.params.catIds`` count.

    Returns:
        ``AP`` (IoU 0.5 to 0.95), ``AP50``, ``AP75``, by size ``APs``, ``APm``, ``APl``,
        ``AR1``, ``AR10``, ``AR100`` (by ``maxDets``), ``ARs``, ``ARm``, ``ARl``, in
        [0, 1]; -1 where no object is of that size.
    """
    params = evaluation.params
    most = len(params.maxDets) - 1
    precision = evaluation.eval['precision'][:, :, categories]  # (T, R, K, A, M)
    recall = evaluation.eval['recall'][:, categories]  # (T, K, A, M)
    metrics = {}
    for name, (threshold, size) in _PRECISIONS.items():
        rows = slice(None)
        if threshold is not None:
            rows = np.isclose(params.iouThrs, threshold)
        metrics[name] = _mean(precision[rows][..., params.areaRngLbl.index(size), most])
    for index, number in enumerate(params.maxDets):
        metrics[f'AR{number}'] = _mean(
            recall[..., params.areaRngLbl.index('all'), index]
        )
    for name, size in _RECALLS.items():
        metrics[name] = _mean(recall[..., params.areaRngLbl.index(size), most])
    return metrics


def check_max_dets(max_dets: Sequence[int]) -> None:
    """Refuse what cannot bound results.

    Raises:
        ValueError: If ``max_dets`` are not ascending positive numbers.
    """
    if not max_dets or min(max_dets) < 1 or sorted(set(max_dets)) != list(max_dets):
        raise ValueError(
            f'max_dets must be ascending positive numbers, got {list(max_dets)}.'
        )


def _mean(table: np.ndarray) -> float:
    values = table[table > -1]
    return float(values.mean()) if values.size else -1.0
