"""Metrics of result files and a benchmark's ground truth.

Used by ``tools/analysis_tools/eval_results.py``; a format is one function of ``(gt,
pred)`` paths that returns numbers JSON can hold; its keyword arguments are options of
``uninext eval``. A new one is a function and a line in ``FORMATS``.

``reading``: files -> values, with errors for people.
``images``, ``referring``: COCO detection and segmentation; expressions.
``single_object``, ``video_objects``, ``video_instances``, ``tracking``: video tasks.
``confusion``: which categories are taken for which.
``bdd100k``: tracking, detection and segmentation of BDD100K.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uninext.evaluation.result_files.bdd100k import (
    evaluate_bdd_det,
    evaluate_bdd_insseg,
    evaluate_bdd_mot,
    evaluate_bdd_mots,
)
from uninext.evaluation.result_files.confusion import Confusion, coco_confusion
from uninext.evaluation.result_files.images import evaluate_coco
from uninext.evaluation.result_files.referring import evaluate_refexp
from uninext.evaluation.result_files.single_object import evaluate_sot
from uninext.evaluation.result_files.tracking import evaluate_mot, evaluate_mots
from uninext.evaluation.result_files.video_instances import evaluate_ytvis
from uninext.evaluation.result_files.video_objects import (
    evaluate_davis,
    evaluate_rvos,
    evaluate_ytvos,
)

# What ``eval_results.py`` calls a layout -> who reads and evaluates it.
FORMATS: dict[str, Callable[..., dict[str, Any]]] = {
    'coco': evaluate_coco,
    'refexp': evaluate_refexp,
    'sot': evaluate_sot,
    'davis': evaluate_davis,
    'ytvos': evaluate_ytvos,
    'rvos': evaluate_rvos,
    'ytvis': evaluate_ytvis,
    'mot': evaluate_mot,
    'mots': evaluate_mots,
    'bdd-mot': evaluate_bdd_mot,
    'bdd-mots': evaluate_bdd_mots,
    'bdd-det': evaluate_bdd_det,
    'bdd-insseg': evaluate_bdd_insseg,
}

__all__ = [
    'FORMATS',
    'Confusion',
    'coco_confusion',
    'evaluate_bdd_det',
    'evaluate_bdd_insseg',
    'evaluate_bdd_mot',
    'evaluate_bdd_mots',
    'evaluate_coco',
    'evaluate_davis',
    'evaluate_mot',
    'evaluate_mots',
    'evaluate_refexp',
    'evaluate_rvos',
    'evaluate_sot',
    'evaluate_ytvis',
    'evaluate_ytvos',
]
