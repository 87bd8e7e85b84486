"""Confusion matrix of COCO result files."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO

from uninext.evaluation.functional.confusion import count_confusions, match_objects
from uninext.evaluation.result_files.images import (
    KEYS,
    check_shapes,
    read_coco_pair,
)
from uninext.utils.defaults import SCORE_THRESHOLD

NOTHING = 'nothing'


@dataclass(frozen=True)
class Confusion:
    """What objects were taken for.

    Attributes:
        names: C categories, in the order of their ids.
        counts: (C + 1, C + 1) int64: ``[i, j]`` objects of category i were called j;
            the last row and column are nothing.
    """

    names: tuple[str, ...]
    counts: np.ndarray

    def table(self, most: int = 10) -> str:
        """Recall and precision of each category, then what is confused most.

        Args:
            most: Lines of the second table.
        """
        lines = ['| category | objects | found | missed | recall | precision |']
        lines.append('|---|---|---|---|---|---|')
        diagonal = np.diag(self.counts)
        objects, predictions = self.counts.sum(1), self.counts.sum(0)
        for i, name in enumerate(self.names):
            recall = _share(diagonal[i], objects[i])
            precision = _share(diagonal[i], predictions[i])
            lines.append(
                f'| {name} | {objects[i]} | {diagonal[i]} | {self.counts[i, -1]} '
                f'| {recall} | {precision} |'
            )
        lines += ['', '| object | taken for | times |', '|---|---|---|']
        names = (*self.names, NOTHING)
        wrong = self.counts - np.diag(diagonal)
        for k in np.argsort(-wrong, axis=None, kind='stable')[:most].tolist():
            i, j = divmod(k, len(names))
            if wrong[i, j]:
                lines.append(f'| {names[i]} | {names[j]} | {wrong[i, j]} |')
        return '\n'.join(lines)


def coco_confusion(
    gt: str | Path,
    pred: str | Path,
    kind: str = 'bbox',
    iou_thr: float = 0.5,
    score_thr: float = SCORE_THRESHOLD,
) -> Confusion:
    """Count what the objects of a set were taken for.

    A prediction upon a crowd region counts neither way.

    Args:
        gt: COCO annotation file.
        pred: COCO result file.
        kind: 'bbox' or 'segm': overlap of what.
        iou_thr: Smallest overlap of an object and its prediction, in (0, 1].
        score_thr: Predictions below are left out.

    Raises:
        ValueError: If a number or ``kind`` is out of range, a file cannot be read, or
            the two do not belong together.
    """
    if kind not in KEYS:
        raise ValueError(f'kind must be one of {sorted(KEYS)}, got {kind!r}.')
    if not 0 < iou_thr <= 1:
        raise ValueError(f'iou_thr must be in (0, 1], got {iou_thr}.')
    ground_truth, results = read_coco_pair(gt, pred)
    check_shapes(ground_truth, results, kind, gt, pred)
    categories = sorted(ground_truth['categories'], key=lambda c: c['id'])
    label_of = {category['id']: i for i, category in enumerate(categories)}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = ground_truth
        coco.createIndex()
    found = defaultdict(list)
    for result in results:
        if result['score'] >= score_thr:
            found[result['image_id']].append(result)
    counts = np.zeros((len(categories) + 1,) * 2, dtype=np.int64)
    for image_id in coco.imgs:
        objects = coco.imgToAnns[image_id]
        counts += _of_image(coco, objects, found[image_id], label_of, kind, iou_thr)
    return Confusion(tuple(category['name'] for category in categories), counts)


def _of_image(
    coco: COCO,
    objects: list[dict],
    predictions: list[dict],
    label_of: dict[int, int],
    kind: str,
    iou_thr: float,
) -> np.ndarray:
    crowds = np.array([bool(o.get('iscrowd')) for o in objects], dtype=bool)
    shapes = [_shape(coco, o, kind) for o in objects]
    overlaps = _overlaps(shapes, [a[KEYS[kind]] for a in predictions], crowds)
    # Upon a crowd: left out, unless it is the prediction to an object.
    gt_labels = _labels([o for o in objects if not o.get('iscrowd')], label_of)
    found_labels = _labels(predictions, label_of)
    pairs = match_objects(overlaps[~crowds], gt_labels, found_labels, iou_thr)
    ignored = (overlaps[crowds] >= iou_thr).any(0)
    ignored[[prediction for _, prediction in pairs]] = False
    place = np.cumsum(~ignored) - 1
    pairs = [(t, int(place[a])) for t, a in pairs]
    return count_confusions(pairs, gt_labels, found_labels[~ignored], len(label_of))


def _shape(coco: COCO, annotation: dict, kind: str) -> list[float] | dict:
    if kind == 'bbox':
        return annotation['bbox']
    return coco.annToRLE(annotation)


def _overlaps(
    ground_truth: Sequence, found: Sequence, crowds: np.ndarray
) -> np.ndarray:
    """(T, F) IoU; with a crowd the share of the prediction that lies in it."""
    if not ground_truth or not found:
        return np.zeros((len(ground_truth), len(found)))
    sides: list[Any] = [found, ground_truth]
    if isinstance(ground_truth[0], list):
        sides = [np.array(boxes, dtype=float) for boxes in sides]
    return rle.iou(*sides, crowds.astype(np.uint8)).T


def _labels(records: list[dict], label_of: dict[int, int]) -> np.ndarray:
    return np.array([label_of[r['category_id']] for r in records], dtype=int)


def _share(part: int, whole: int) -> str:
    return f'{part / whole:.3f}' if whole else '-'
