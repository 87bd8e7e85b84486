"""Images: COCO detection and segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from uninext.evaluation.functional.coco import (
    MAX_DETS,
    coco_evaluation,
    coco_metrics,
)
from uninext.evaluation.result_files.reading import (
    box_xywh,
    check_known,
    finite,
    list_of_records,
    mask_rle,
    unique,
)
from uninext.formats.coco import absent_category_ids
from uninext.formats.json_file import read_json
from uninext.formats.mot_text import MAX_ID

KEYS = {'bbox': 'bbox', 'segm': 'segmentation'}


def evaluate_coco(
    gt: str | Path,
    pred: str | Path,
    *,
    max_dets: Sequence[int] = MAX_DETS,
    categories: Sequence[str] | None = None,
    false_alarm_thr: float | None = None,
) -> dict[str, dict[str, float]]:
    """COCO box and mask AP, over all images of the ground truth.

    Args:
        gt: COCO annotation file.
        pred: COCO result file: a list of ``{image_id, category_id, score, bbox xywh}``,
            or with ``segmentation`` (RLE), or with both. An empty one finds nothing;
            boxes are evaluated then.
        max_dets: How many results count for an image and category.
        categories: Names of those that count; all if None.
        false_alarm_thr: Score from which :func:`false_alarms` are counted; None: not.

    Returns:
        ``{'bbox': {'AP': ...}, 'segm': {...}}`` with the metrics of the kinds found;
        -1 where no object is of that size, as pycocotools says it. With
        ``false_alarm_thr`` also ``absent``.

    Raises:
        ValueError: If a file cannot be read, or the two do not belong together.
    """
    ground_truth, results = read_coco_pair(gt, pred)
    kinds = [kind for kind, key in KEYS.items() if results and key in results[0]]
    kinds = kinds or ['bbox']
    for kind in kinds:
        check_shapes(ground_truth, results, kind, gt, pred)
    ids = category_ids_of(ground_truth['categories'], categories, gt)
    if false_alarm_thr is not None:
        finite(false_alarm_thr, 'false_alarm_thr', 'The arguments')
    metrics = {
        kind: coco_metrics(coco_evaluation(ground_truth, results, kind, max_dets, ids))
        for kind in kinds
    }
    if false_alarm_thr is not None:
        metrics['absent'] = false_alarms(ground_truth, results, false_alarm_thr, ids)
    return metrics


def false_alarms(
    ground_truth: dict[str, Any],
    results: Sequence[dict],
    score_thr: float,
    category_ids: Sequence[Any] | None = None,
) -> dict[str, float]:
    """Results of categories that an image is known not to show.

    Args:
        ground_truth: Of COCO's layout; see
            :func:`uninext.formats.coco.absent_category_ids` for what is not there.
        results: With ``image_id``, ``category_id`` and ``score``.
        score_thr: Results below do not count.
        category_ids: Those that count; all if None.

    Returns:
        ``false_alarms_per_image``, of images that lack a category (-1: there is none),
        and ``num_images``, how many they are.
    """
    absent = {
        image: {i for i in ids if category_ids is None or i in category_ids}
        for image, ids in absent_category_ids(ground_truth).items()
    }
    number = sum(map(bool, absent.values()))
    alarms = sum(
        result['score'] >= score_thr
        and result['category_id'] in absent[result['image_id']]
        for result in results
    )
    rate = alarms / number if number else -1.0
    return {'false_alarms_per_image': rate, 'num_images': number}


def read_coco_pair(
    gt: str | Path, pred: str | Path
) -> tuple[dict[str, Any], list[dict]]:
    """Read a COCO annotation file and results that belong to it.

    Returns:
        What they hold; every result has a score, and the same of ``bbox`` and
        ``segmentation``.

    Raises:
        ValueError: If a file cannot be read, or the two do not belong together.
    """
    ground_truth = _read_ground_truth(gt)
    keys = ('image_id', 'category_id', 'score')
    results = list_of_records(read_json(pred), keys, pred, 'results of COCO')
    images = {image['id'] for image in ground_truth['images']}
    categories = {category['id'] for category in ground_truth['categories']}
    present = [key for key in KEYS.values() if results and key in results[0]]
    if results and not present:
        raise ValueError(f"{pred}, record 0 has neither 'bbox' nor 'segmentation'.")
    for index, result in enumerate(results):
        place = f'{pred}, record {index}'
        check_known(result['image_id'], images, 'image', place)
        check_known(result['category_id'], categories, 'category', place)
        finite(result['score'], 'score', place)
        for key in KEYS.values():
            if (key in result) != (key in present):
                has, has_not = ('', 'no ') if key in result else ('no ', '')
                raise ValueError(
                    f'{place} has {has}{key!r}, record 0 has {has_not}one. Write boxes '
                    'for all results or for none, and masks likewise.'
                )
    return ground_truth, results


def check_shapes(
    ground_truth: dict, results: list[dict], kind: str, gt: str | Path, pred: str | Path
) -> None:
    """Refuse boxes and masks that pycocotools would take for something else.

    Args:
        ground_truth: As :func:`read_coco_pair` gives it.
        results: Likewise.
        kind: ``bbox`` or ``segm``.
        gt: File of ``ground_truth``, for the error.
        pred: File of ``results``.

    Raises:
        ValueError: If an annotation or result has none, or a wrong one.
    """
    key = KEYS[kind]
    images = {image['id']: image for image in ground_truth['images']}
    for path, records, name in (
        (gt, ground_truth['annotations'], 'annotation'),
        (pred, results, 'record'),
    ):
        for index, record in enumerate(records):
            place = f'{path}, {name} {index}'
            if key not in record:
                raise ValueError(f'{place} has no {key!r} to compare {kind} with.')
            if kind == 'bbox':
                box_xywh(record[key], place)
                continue
            image = images[record['image_id']]
            if not {'height', 'width'} <= image.keys():
                raise ValueError(
                    f'{gt}, image {image["id"]} has no height and width, which masks '
                    'are compared in.'
                )
            size = image['height'], image['width']
            mask_rle(record[key], size, place, polygons=path == gt)


def category_ids_of(
    categories: list[dict], names: Sequence[str] | None, gt: str | Path
) -> list[Any] | None:
    """Find categories by name.

    Args:
        categories: Records of the annotation file.
        names: Wanted; None for all.
        gt: The file, for the error.

    Returns:
        Their ids; None for all.

    Raises:
        ValueError: If the file does not have a name, or names are none.
    """
    if names is None:
        return None
    ids = {category.get('name'): category['id'] for category in categories}
    unknown = [name for name in names if name not in ids]
    if unknown or not names:
        raise ValueError(
            f'{gt} has no categories {unknown or names}; it has {sorted(ids, key=str)}.'
        )
    return [ids[name] for name in names]


def _read_ground_truth(gt: str | Path) -> dict[str, Any]:
    ground_truth = read_json(gt)
    lists = ('images', 'annotations', 'categories')
    if not isinstance(ground_truth, dict) or not set(lists) <= ground_truth.keys():
        names = ', '.join(map(repr, lists))
        raise ValueError(f"{gt} has no {names}: it is not of COCO's layout.")
    what = "of COCO's layout"
    list_of_records(ground_truth['images'], ('id',), f'{gt}, images', what)
    list_of_records(ground_truth['categories'], ('id',), f'{gt}, categories', what)
    keys = ('id', 'image_id', 'category_id', 'area', 'iscrowd')
    place = f'{gt}, annotations'
    annotations = list_of_records(ground_truth['annotations'], keys, place, what)
    images = unique((i['id'] for i in ground_truth['images']), 'image', gt)
    categories = unique((c['id'] for c in ground_truth['categories']), 'category', gt)
    unique((a['id'] for a in annotations), 'annotation', gt)
    for index, annotation in enumerate(annotations):
        place = f'{gt}, annotation {index}'
        check_known(annotation['image_id'], images, 'image', place)
        check_known(annotation['category_id'], categories, 'category', place)
        finite(annotation['area'], 'area', place)
        if annotation['iscrowd'] not in (0, 1):
            raise ValueError(
                f'{place}: iscrowd must be 0 or 1, got {annotation["iscrowd"]!r:.60}.'
            )
        if type(annotation['id']) is not int or abs(annotation['id']) > MAX_ID:
            raise ValueError(
                f'{place} has the id {annotation["id"]!r:.60}; pycocotools matches '
                f'whole numbers, {MAX_ID:,} at most.'
            )
        if annotation['id'] == 0:
            raise ValueError(
                f'{place} has the id 0, which pycocotools takes for "no match": its '
                'object can never be found. Count ids from 1.'
            )
    return ground_truth
