"""Video instance segmentation: files of the YouTube-VIS layout (also OVIS)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from uninext.evaluation.evaluators.video_instances import (
    Instance,
    VideoInstancesEvaluator,
)
from uninext.evaluation.functional.coco import MAX_DETS
from uninext.evaluation.result_files.images import category_ids_of
from uninext.evaluation.result_files.reading import (
    check_known,
    finite,
    list_of_records,
    mask_rle,
    unique,
)
from uninext.formats.json_file import read_json


def evaluate_ytvis(
    gt: str | Path,
    pred: str | Path,
    *,
    max_dets: Sequence[int] = MAX_DETS,
    categories: Sequence[str] | None = None,
) -> dict[str, float]:
    """AP and AR of tubes, over all videos of the ground truth.

    Args:
        gt: ``videos``, ``annotations`` and ``categories``; ``segmentations`` are RLE,
            polygons or null per frame.
        pred: A list of ``{video_id, category_id, score, segmentations}``, likewise.
        max_dets: How many results count for a video and category.
        categories: Names of those that count; all if None.

    Returns:
        Metrics of ``video_instance_metrics``.

    Raises:
        ValueError: If a file has another layout, the two do not belong together, or
            masks are of another size than their video.
    """
    ground_truth = read_json(gt)
    lists = ('videos', 'annotations', 'categories')
    if not isinstance(ground_truth, dict) or not set(lists) <= ground_truth.keys():
        raise ValueError(f'{gt} is not of the YouTube-VIS layout: needs {lists}.')
    what = 'of the YouTube-VIS layout'
    keys = ('id', 'height', 'width')
    videos = list_of_records(ground_truth['videos'], keys, f'{gt}, videos', what)
    unique((video['id'] for video in videos), 'video', gt)
    listed = list_of_records(
        ground_truth['categories'], ('id',), f'{gt}, categories', what
    )
    known = unique((category['id'] for category in listed), 'category', gt)
    keys = ('video_id', 'category_id', 'segmentations')
    annotations = list_of_records(
        ground_truth['annotations'], keys, f'{gt}, annotations', what
    )
    ids = (annotation['id'] for annotation in annotations if 'id' in annotation)
    unique(ids, 'annotation', gt)
    results = read_json(pred)
    list_of_records(results, (*keys, 'score'), pred, 'results of YouTube-VIS')
    by_id = {video['id']: video for video in videos}
    instances: tuple[dict, dict] = defaultdict(list), defaultdict(list)
    for kind, records in zip(instances, (annotations, results)):
        for index, record in enumerate(records):
            of_ground_truth = records is annotations
            place = (
                f'{gt}, annotation {index}'
                if of_ground_truth
                else f'{pred}, record {index}'
            )
            check_known(record['video_id'], by_id, 'video', place)
            check_known(record['category_id'], known, 'category', place)
            video = by_id[record['video_id']]
            kind[video['id']].append(_instance(record, video, place, of_ground_truth))
    chosen = category_ids_of(listed, categories, gt)
    category_ids = sorted(known) if chosen is None else chosen
    evaluator = VideoInstancesEvaluator(category_ids, max_dets)
    sequences = {}
    for video_id in by_id:
        state = evaluator.start()
        evaluator.add(state, *(kind[video_id] for kind in instances))
        sequences[video_id] = evaluator.finish(state)
    return evaluator.summarize(sequences)


def _instance(record: dict, video: dict, place: str, of_ground_truth: bool) -> Instance:
    masks = record['segmentations']
    names = video.get('file_names')
    listed = len(names) if isinstance(names, list) else None
    num_frames = video.get('length', listed)
    if not isinstance(masks, list) or len(masks) != num_frames:
        number = len(masks) if isinstance(masks, list) else 'no list of'
        raise ValueError(f'{place} has {number} frames, its video {num_frames}.')
    size = video['height'], video['width']
    tube: list[Any] = [
        mask_rle(mask, size, f'{place}, frame {t}', polygons=True) if mask else None
        for t, mask in enumerate(masks)
    ]
    if not of_ground_truth:
        score = finite(record['score'], 'score', place)
        return Instance(record['category_id'], tube, score)
    areas = record.get('areas') or []
    if not isinstance(areas, list):
        raise ValueError(f'{place}: areas must be a list, got {areas!r:.60}.')
    for t, area in enumerate(areas):
        if area is not None:
            finite(area, 'the area', f'{place}, frame {t}')
    return Instance(
        record['category_id'],
        tube,
        iscrowd=bool(record.get('iscrowd', 0)),
        areas=areas or None,
    )
