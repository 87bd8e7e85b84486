"""Expressions about images: REC and RES."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uninext.evaluation.evaluators.referring import Referent, ReferringEvaluator
from uninext.evaluation.result_files.reading import (
    box_xywh,
    check_known,
    finite,
    list_of_records,
    mask_rle,
    unique,
)
from uninext.formats.boxes import xywh_to_xyxy
from uninext.formats.json_file import read_json
from uninext.formats.rle import decode_segmentation


def evaluate_refexp(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """P@0.5 to P@0.9, oIoU and mIoU of expressions.

    Args:
        gt: COCO-style, an image record per referred object with ``expressions`` (what
            our converters write).
        pred: A list of ``{image_id, bbox xywh, score, expression[, segmentation
            RLE]}`` (what :class:`ReferringMetric` writes). ``expression`` may be absent
            where a record has one. Of several predictions for an expression the highest
            score counts; an expression without one is a miss. Masks are evaluated where
            all predictions have one.

    Returns:
        ``{'num_expressions', 'bbox': {...}[, 'segm': {...}]}``.

    Raises:
        ValueError: If a file cannot be read, or the two do not belong together.
    """
    images, targets = _read_ground_truth(gt)
    results = read_json(pred)
    keys = ('image_id', 'bbox', 'score')
    list_of_records(results, keys, pred, 'predictions for expressions')
    with_masks = not results or 'segmentation' in results[0]
    best = _best_predictions(images, results, pred, with_masks)
    evaluator = ReferringEvaluator(('bbox', 'segm') if with_masks else ('bbox',))
    records = {}
    for image in images:
        target = targets[image['id']]
        ground_truth = Referent(xywh_to_xyxy(target['bbox']))
        if with_masks and target.get('segmentation'):
            size = image['height'], image['width']
            mask = decode_segmentation(target['segmentation'], *size)
            ground_truth = ground_truth._replace(mask=mask)
        for number, expression in enumerate(image['expressions']):
            prediction = _referent(best.get((image['id'], expression)), ground_truth)
            state = evaluator.start()
            evaluator.add(state, ground_truth, prediction)
            records[image['id'], number] = evaluator.finish(state)
    metrics = evaluator.summarize(records)
    for summary in metrics.values():
        summary.pop('num_expressions')
    return {'num_expressions': len(records), **metrics}


def _read_ground_truth(gt: str | Path) -> tuple[list[dict], dict[Any, dict]]:
    """Image records, and the target of each."""
    ground_truth = read_json(gt)
    if (
        not isinstance(ground_truth, dict)
        or not {'images', 'annotations'} <= ground_truth.keys()
    ):
        raise ValueError(
            f"{gt} has no 'images' and 'annotations': expected COCO-style records with "
            "'expressions'."
        )
    what = "of COCO's layout"
    images = list_of_records(ground_truth['images'], ('id',), f'{gt}, images', what)
    place = f'{gt}, annotations'
    annotations = list_of_records(
        ground_truth['annotations'], ('image_id', 'bbox'), place, what
    )
    unique((image['id'] for image in images), 'image', gt)
    targets: dict[Any, dict] = {}
    known = {image['id'] for image in images}
    for index, annotation in enumerate(annotations):
        box_xywh(annotation['bbox'], f'{gt}, annotation {index}')
        check_known(annotation['image_id'], known, 'image', f'{gt}, annotation {index}')
        if annotation['image_id'] in targets:
            raise ValueError(
                f'{gt}, annotation {index} is the second of image '
                f'{annotation["image_id"]!r}: a record refers to one object.'
            )
        targets[annotation['image_id']] = annotation
    for image in images:
        if 'expressions' not in image:
            raise ValueError(
                f"{gt}: image {image['id']!r} has no 'expressions': this is a "
                'detection file. Convert it first (tools/dataset_converters).'
            )
        expressions = image['expressions']
        if not isinstance(expressions, list) or not all(
            isinstance(expression, str) for expression in expressions
        ):
            raise ValueError(
                f"{gt}: 'expressions' of image {image['id']!r} must be a list of "
                f'texts, got {expressions!r:.60}.'
            )
        if image['id'] not in targets:
            raise ValueError(f'{gt} has no annotation for image {image["id"]!r}.')
        segmentation = targets[image['id']].get('segmentation')
        if segmentation:
            if not {'height', 'width'} <= image.keys():
                raise ValueError(
                    f'{gt}: image {image["id"]!r} has no height and width.'
                )
            size = image['height'], image['width']
            place = f'{gt}, target of image {image["id"]!r}'
            mask_rle(segmentation, size, place, polygons=True)
    return images, targets


def _best_predictions(
    images: list[dict], results: list[dict], pred: str | Path, with_masks: bool
) -> dict[tuple[Any, Any], dict]:
    """The highest score of each expression that has a prediction."""
    by_id = {image['id']: image for image in images}
    best: dict[tuple[Any, Any], dict] = {}
    for index, result in enumerate(results):
        place = f'{pred}, record {index}'
        finite(result['score'], 'score', place)
        box_xywh(result['bbox'], place)
        check_known(result['image_id'], by_id, 'image', place)
        image = by_id[result['image_id']]
        known = image['expressions']
        expression = result.get('expression')
        if expression is None and len(known) == 1:
            expression = known[0]
        if expression not in known:
            raise ValueError(
                f'{place} is about {expression!r} of image {result["image_id"]!r}, '
                'which the ground truth does not ask.'
            )
        if ('segmentation' in result) != with_masks:
            has, has_not = ('no ', 'a ') if with_masks else ('a ', 'no ')
            raise ValueError(
                f"{place} has {has}'segmentation', record 0 has {has_not}one. Write "
                'masks for all predictions or for none.'
            )
        if with_masks:
            size: Any = image.get('height'), image.get('width')
            mask_rle(result['segmentation'], size, place)
        key = result['image_id'], expression
        if key not in best or result['score'] > best[key]['score']:
            best[key] = result
    return best


def _referent(result: dict | None, ground_truth: Referent) -> Referent:
    if result is None:
        return Referent()
    box = xywh_to_xyxy(result['bbox'])
    if ground_truth.mask is None:
        return Referent(box)
    return Referent(
        box, decode_segmentation(result['segmentation'], *ground_truth.mask.shape)
    )
