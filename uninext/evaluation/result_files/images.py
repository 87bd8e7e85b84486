"""Pictures: COCO detection and segmentation, referring expressions."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from uninext.evaluation.functional.referring import (
    Overlap,
    box_overlap,
    mask_overlap,
    summarize_overlaps,
)
from uninext.evaluation.functional.video_instances import COCO_FIGURES
from uninext.evaluation.result_files.reading import is_list_of, read_json
from uninext.utils.masks import decode_segmentation


def evaluate_coco(gt: str | Path, pred: str | Path) -> dict[str, dict[str, float]]:
    """COCO box and mask AP, over all pictures of the ground truth.

    Args:
        gt: COCO annotation file.
        pred: COCO result file: a list of ``{image_id, category_id, score, bbox xywh}``,
            or with ``segmentation`` (RLE). Boxes are judged where every result has
            one, masks likewise.

    Returns:
        ``{'bbox': {'AP': ...}, 'segm': {...}}`` with the figures of the kinds found;
        -1 where no object is of that size, as pycocotools says it.

    Raises:
        ValueError: If a file cannot be read, or the two do not belong together.
    """
    _, results = read_coco_pair(gt, pred)
    kinds = [
        kind
        for kind, key in (('bbox', 'bbox'), ('segm', 'segmentation'))
        if results and all(key in result for result in results)
    ]
    # An empty result file is an answer: nothing was found, everything is missed.
    return {kind: _coco_figures(gt, results, kind) for kind in kinds or ['bbox']}


def read_coco_pair(
    gt: str | Path, pred: str | Path
) -> tuple[dict[str, Any], list[dict]]:
    """Read a COCO annotation file and results that belong to it.

    Args:
        gt: COCO annotation file.
        pred: COCO result file.

    Returns:
        What they hold.

    Raises:
        ValueError: If a file cannot be read, or the two do not belong together.
    """
    results = read_json(pred)
    if not is_list_of(results, 'image_id', 'category_id', 'score'):
        raise ValueError(
            f'{pred} is not a COCO result file: expected a list of objects with '
            'image_id, category_id, score and bbox or segmentation.'
        )
    truth = read_json(gt)
    if not isinstance(truth, dict) or not {'images', 'annotations'} <= truth.keys():
        raise ValueError(f"{gt} has no 'images' and 'annotations': not COCO's layout.")
    strangers = {r['image_id'] for r in results} - {i['id'] for i in truth['images']}
    if strangers:
        raise ValueError(
            f'{len(strangers)} image ids of {pred} are not in {gt} (e.g. '
            f'{sorted(strangers)[0]}): the files belong to different sets.'
        )
    return truth, results


def evaluate_refexp(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """P@0.5 to P@0.9, oIoU and mIoU of sentences.

    Two layouts are read; which one is seen from the ground truth:

    * Records: ``gt`` is COCO-style, an image record per referred object with
      ``expressions`` (what our converters write); ``pred`` is a list of
      ``{image_id, bbox xywh, score, expression[, segmentation RLE]}`` (what
      :class:`ReferringMetric` writes). ``expression`` may be absent where a record
      has one. Of several answers to a sentence the highest score counts; a sentence
      without an answer is a miss.
    * Candidates: ``gt`` is a list of ``{sent, gt_box xywh}``, ``pred`` a list of
      ``{sent, pred_boxes [xywh, ...]}`` in the same order (it may be the same file).
      Judged are the first and the last candidate, and the best one as an oracle.

    Args:
        gt: Ground truth file.
        pred: Result file.

    Returns:
        Records: ``{'num_sentences', 'bbox': {...}[, 'segm': {...}]}``. Candidates:
        ``{'num_sentences', 'first': {...}, 'last': {...}, 'best': {...}}``.

    Raises:
        ValueError: If a file cannot be read, or the two do not belong together.
    """
    truth, results = read_json(gt), read_json(pred)
    if is_list_of(truth, 'sent', 'gt_box') and truth:
        return _evaluate_candidates(truth, results, str(pred))
    if isinstance(truth, dict) and {'images', 'annotations'} <= truth.keys():
        return _evaluate_records(truth, results, str(gt), str(pred))
    raise ValueError(
        f'{gt} is of no layout known as refexp: expected COCO-style records with '
        "'expressions', or a list of {sent, gt_box}."
    )


def _coco_figures(gt: str | Path, results: list[dict], kind: str) -> dict[str, float]:
    dropped = 'bbox' if kind == 'segm' else 'segmentation'  # area by the kind's own
    results = [{k: v for k, v in r.items() if k != dropped} for r in results]
    with contextlib.redirect_stdout(io.StringIO()):
        coco_gt = COCO(str(gt))
        coco_dt = coco_gt.loadRes(results) if results else COCO()
        if not results:
            coco_dt.dataset = {**coco_gt.dataset, 'annotations': []}
            coco_dt.createIndex()
        evaluator = COCOeval(coco_gt, coco_dt, kind)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return {name: float(v) for name, v in zip(COCO_FIGURES, evaluator.stats)}


def _evaluate_candidates(truth: list[dict], results: Any, pred: str) -> dict[str, Any]:
    if not is_list_of(results, 'sent', 'pred_boxes'):
        raise ValueError(f'{pred} is not a list of {{sent, pred_boxes}}.')
    if [t['sent'] for t in truth] != [r['sent'] for r in results]:
        raise ValueError(f'{pred} does not hold the sentences of the ground truth.')
    choices: dict[str, Callable[[list[Overlap]], Overlap]] = {
        'first': lambda overlaps: overlaps[0],
        'last': lambda overlaps: overlaps[-1],
        'best': lambda overlaps: max(overlaps, key=lambda overlap: overlap.iou),
    }
    candidates = []
    for ref, result in zip(truth, results):
        target = _to_xyxy(ref['gt_box'])
        boxes = [_to_xyxy(box) for box in result['pred_boxes']] or [None]
        candidates.append([box_overlap(box, target) for box in boxes])
    figures: dict[str, Any] = {'num_sentences': len(truth)}
    for name, choose in choices.items():
        figures[name] = summarize_overlaps([choose(c) for c in candidates])
    return figures


def _evaluate_records(truth: dict, results: Any, gt: str, pred: str) -> dict[str, Any]:
    if not is_list_of(results, 'image_id', 'bbox', 'score'):
        raise ValueError(f'{pred} is not a list of {{image_id, bbox, score, ...}}.')
    targets = {ann['image_id']: ann for ann in truth['annotations']}
    answers = _best_answers(truth, results, pred)
    with_masks = bool(results) and all('segmentation' in r for r in results)
    overlaps: dict[str, list[Overlap]] = {'bbox': [], 'segm': []}
    for image in truth['images']:
        if image['id'] not in targets:
            raise ValueError(f'{gt} has no annotation for record {image["id"]}.')
        target = targets[image['id']]
        size = image['height'], image['width']
        if with_masks and target.get('segmentation'):
            truth_mask = decode_segmentation(target['segmentation'], *size)
        else:
            truth_mask = None
        for expression in image['expressions']:
            answer = answers.get((image['id'], expression))
            box = None if answer is None else _to_xyxy(answer['bbox'])
            overlaps['bbox'].append(box_overlap(box, _to_xyxy(target['bbox'])))
            if truth_mask is None:
                continue
            mask = answer and decode_segmentation(answer['segmentation'], *size)
            overlaps['segm'].append(mask_overlap(mask, truth_mask))
    figures = {kind: summarize_overlaps(v) for kind, v in overlaps.items() if v}
    return {'num_sentences': len(overlaps['bbox']), **figures}


def _best_answers(
    truth: dict, results: list[dict], pred: str
) -> dict[tuple[Any, str], dict]:
    expressions = {}
    for image in truth['images']:
        if 'expressions' not in image:
            raise ValueError(
                f"Image record {image['id']} has no 'expressions': this is a detection "
                'file. Convert it first (tools/dataset_converters).'
            )
        expressions[image['id']] = image['expressions']
    answers: dict[tuple[Any, str], dict] = {}
    for result in results:
        known = expressions.get(result['image_id'], [])
        expression = result.get('expression')
        if expression is None and len(known) == 1:
            expression = known[0]
        if expression not in known:
            raise ValueError(
                f'{pred} answers {expression!r} of record {result["image_id"]}, which '
                'the ground truth does not ask.'
            )
        key = result['image_id'], expression
        if key not in answers or result['score'] > answers[key]['score']:
            answers[key] = result
    return answers


def _to_xyxy(box_xywh: list[float]) -> np.ndarray:
    x, y, width, height = box_xywh
    return np.array([x, y, x + width, y + height])
