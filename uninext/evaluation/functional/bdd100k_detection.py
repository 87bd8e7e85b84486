"""BDD100K detection and instance segmentation: COCO's AP and AR, class by class.

COCO dictionaries in; metrics of each class and of all classes, 0 to 1, out.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# Figure -> what is averaged, IoU threshold, size of the objects, predictions a picture.
FIGURES: dict[str, tuple[str, float | None, str, int]] = {
    'AP': ('precision', None, 'all', 100),
    'AP50': ('precision', 0.5, 'all', 100),
    'AP75': ('precision', 0.75, 'all', 100),
    'APs': ('precision', None, 'small', 100),
    'APm': ('precision', None, 'medium', 100),
    'APl': ('precision', None, 'large', 100),
    'AR1': ('recall', None, 'all', 1),
    'AR10': ('recall', None, 'all', 10),
    'AR100': ('recall', None, 'all', 100),
    'ARs': ('recall', None, 'small', 100),
    'ARm': ('recall', None, 'medium', 100),
    'ARl': ('recall', None, 'large', 100),
}
OVERALL = 'OVERALL'


def detection_figures(
    truth: dict[str, list[dict]], results: list[dict], kind: str = 'bbox'
) -> dict[str, dict[str, float]]:
    """AP and AR as BDD100K reports them.

    Args:
        truth: COCO dictionary; annotations with ``iscrowd`` 1 are neither to be found
            nor wrong to be found.
        results: COCO results ``{image_id, category_id, score, bbox | segmentation}``.
        kind: ``bbox`` or ``segm``.

    Returns:
        Class name -> metrics, 0 to 1, and ``OVERALL``: their mean over classes that
        have one. NaN where there is no object to find.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        annotated, predicted = _load(truth), COCO()
        if results:
            predicted = annotated.loadRes([dict(result) for result in results])
        else:
            predicted.dataset = {**truth, 'annotations': []}
            predicted.createIndex()
        evaluator = COCOeval(annotated, predicted, kind)
        evaluator.evaluate()
        evaluator.accumulate()
    ids = evaluator.params.catIds
    names = [category['name'] for category in annotated.loadCats(ids)]
    figures: dict[str, dict[str, float]] = {}
    for position, name in enumerate([*names, OVERALL]):
        classes = slice(None) if name == OVERALL else slice(position, position + 1)
        figures[name] = {key: _mean(evaluator, key, classes) for key in FIGURES}
    return figures


def _load(truth: dict[str, list[dict]]) -> COCO:
    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    return coco


def _mean(evaluator: Any, figure: str, classes: slice) -> float:
    what, threshold, size, count = FIGURES[figure]
    params = evaluator.params
    table = evaluator.eval[what]  # ([T,] [R,] K, A, M); recall has no R
    if threshold is not None:
        table = table[np.isclose(params.iouThrs, threshold)]
    area, number = params.areaRngLbl.index(size), params.maxDets.index(count)
    values = table[..., classes, area, number]
    values = values[values > -1]
    return float(values.mean()) if values.size else float('nan')
