"""BDD100K: labels and results in the Scalabel layout, and bitmasks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pycocotools import mask as mask_utils

from uninext.evaluation.functional.bdd100k_detection import OVERALL, detection_figures
from uninext.evaluation.functional.bdd100k_frames import (
    BOXES,
    MASKS,
    ObjectShape,
    bdd_tracking_figures,
    finite_figures,
    object_rle,
    picture_size,
    split_classes,
)
from uninext.utils.scalabel import (
    BDD_DETECTION,
    BDD_THINGS,
    ScalabelFrame,
    mask_to_rle,
    read_frames,
)


def evaluate_bdd_mot(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Box tracking by the rules of BDD100K: mMOTA, mIDF1, mMOTP and their parts.

    A pair needs an IoU of 0.5; predictions without a partner of which more than half
    lies in a crowd or in an object to be ignored do not count. A video or frame that
    ``pred`` lacks has no predictions.

    Args:
        gt: Scalabel JSON file, or folder of one file a video (``box_track_20/val``).
        pred: The same with predictions: ``{name, videoName, frameIndex, labels: [{id,
            category, box2d}]}``.

    Returns:
        As ``bdd_tracking_figures``.

    Raises:
        ValueError: If a file cannot be read, has other classes, videos or frames than
            ``gt``, or an id is twice in a frame.
    """
    return _tracking_figures(gt, pred, BOXES)


def evaluate_bdd_mots(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Mask tracking by the rules of BDD100K: mMOTSA, mIDF1, mMOTSP and their parts.

    As :func:`evaluate_bdd_mot`, with masks. All predictions of a frame in which two
    overlap are left out, as the benchmark does it; a warning says how many frames.

    Args:
        gt: Scalabel JSON with ``rle`` (file or folder), or folder of RGBA bitmasks,
            one folder a video (``seg_track_20/bitmasks/val``).
        pred: The same with predictions.

    Returns:
        As ``bdd_tracking_figures``.

    Raises:
        ValueError: As :func:`evaluate_bdd_mot`, or if a mask is of another size.
    """
    return _tracking_figures(gt, pred, MASKS)


def evaluate_bdd_det(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Box AP and AR over the 10 classes of detection.

    Args:
        gt: Scalabel JSON (``det_20/det_val.json``).
        pred: Scalabel JSON with ``score`` and ``box2d``; pictures are found by name.

    Returns:
        AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm and ARl in percent,
        means over the classes that are annotated, and under ``classes`` those of each;
        None where there is nothing to find.

    Raises:
        ValueError: If a file cannot be read, or a prediction has no score.
    """
    return _picture_figures(gt, pred, BDD_DETECTION, 'bbox')


def evaluate_bdd_insseg(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Mask AP and AR over the 8 classes of instance segmentation.

    Deviation: polygons become masks by COCO's rule, not by a drawing library's.

    Args:
        gt: Scalabel JSON with ``rle`` or ``poly2d``, or folder of RGBA bitmasks.
        pred: Scalabel JSON with ``score`` and ``rle``. All predictions of a picture in
            which two overlap are left out, as the benchmark does it; a warning says
            how many pictures.

    Returns:
        As :func:`evaluate_bdd_det`.

    Raises:
        ValueError: If a file cannot be read, a prediction has no score, or a mask is
            of another size.
    """
    return _picture_figures(gt, pred, BDD_THINGS, 'segm')


def _tracking_figures(
    gt: str | Path, pred: str | Path, shape: ObjectShape
) -> dict[str, Any]:
    videos = {
        video: split_classes(frames, shape)
        for video, frames in _pair_frames(gt, pred, shape).items()
    }
    return bdd_tracking_figures(videos, shape)


def _pair_frames(
    gt: str | Path, pred: str | Path, shape: ObjectShape
) -> dict[str, list[tuple[ScalabelFrame, ScalabelFrame | None]]]:
    """Video -> its frames in order, each with the frame of predictions if there is."""
    truth = sorted(read_frames(gt), key=lambda f: (f.video, f.index, f.name))
    if not truth:
        raise ValueError(f'{gt} has no frame.')
    _check_categories(truth, BDD_THINGS, gt)
    answers = read_frames(pred)
    _check_categories(answers, BDD_THINGS, pred)
    if shape.exclusive:
        answers = _drop_overlapping(answers)
    answer_of = {(f.video, f.name): f for f in answers}
    strangers = sorted(answer_of.keys() - {(f.video, f.name) for f in truth})
    if strangers:
        video, name = strangers[0]
        raise ValueError(
            f'{len(strangers)} frames of {pred} are not in {gt}, e.g. {name!r} of the '
            f'video {video!r}. Videos and frames go by "videoName" and "name".'
        )
    videos: dict[str, list[tuple[ScalabelFrame, ScalabelFrame | None]]] = {}
    for frame in truth:
        pair = frame, answer_of.get((frame.video, frame.name))
        videos.setdefault(frame.video, []).append(pair)
    return videos


def _picture_figures(
    gt: str | Path, pred: str | Path, categories: Sequence[str], kind: str
) -> dict[str, Any]:
    truth = sorted(read_frames(gt, categories, in_videos=False), key=lambda f: f.name)
    answers = read_frames(pred, categories, in_videos=False)
    names = {frame.name for frame in truth}
    if len(names) != len(truth):
        raise ValueError(f'{gt} has several pictures of the same name.')
    strangers = sorted({frame.name for frame in answers} - names)
    if strangers:
        raise ValueError(
            f'{len(strangers)} pictures of {pred} are not in {gt}, e.g. '
            f'{strangers[0]!r}: the files belong to different sets.'
        )
    if kind == 'segm':
        answers = _drop_overlapping(answers)
    answer_of = {frame.name: frame for frame in answers}
    content: dict[str, list[dict]] = dict(
        images=[],
        annotations=[],
        categories=[dict(id=i, name=n) for i, n in enumerate(categories, start=1)],
    )
    results: list[dict] = []
    for frame in truth:
        image_id = len(content['images']) + 1
        size_wh = picture_size(frame, answer_of.get(frame.name))
        image = dict(id=image_id, width=size_wh[0], height=size_wh[1])
        content['images'].append(image)
        for record in _as_coco(frame, image, categories, kind):
            record['id'] = len(content['annotations']) + 1
            content['annotations'].append(record)
        if frame.name in answer_of:
            results += _as_coco(answer_of[frame.name], image, categories, kind)
    if any(result['score'] is None for result in results):
        raise ValueError(
            f'{pred} has predictions without "score" (bitmasks have none): give JSON '
            'with a score for each label.'
        )
    figures = detection_figures(content, results, kind)
    return {
        **finite_figures(figures[OVERALL]),
        'classes': {name: finite_figures(figures[name]) for name in categories},
    }


def _as_coco(
    frame: ScalabelFrame, image: dict[str, int], categories: Sequence[str], kind: str
) -> list[dict[str, Any]]:
    """Labels of the classes that have a shape of this kind."""
    records = []
    for obj in frame.objects:
        if obj.category not in categories:
            continue
        record: dict[str, Any] = dict(
            image_id=image['id'],
            category_id=categories.index(obj.category) + 1,
            iscrowd=int(obj.ignored),
            score=obj.score,
        )
        if kind == 'bbox' and obj.box_xyxy is not None:
            x1, y1, x2, y2 = obj.box_xyxy
            bbox = [x1, y1, x2 - x1, y2 - y1]
            records.append(dict(record, bbox=bbox, area=bbox[2] * bbox[3]))
        elif kind == 'segm' and obj.mask is not None:
            rle = mask_to_rle(obj.mask, (image['width'], image['height']))
            area = float(mask_utils.area(rle))
            records.append(dict(record, segmentation=rle, area=area))
    return records


def _drop_overlapping(frames: list[ScalabelFrame]) -> list[ScalabelFrame]:
    """Leave out all predictions of frames in which two overlap, and say so."""
    kept = []
    for frame in frames:
        size_wh = picture_size(frame)
        rles = [rle for obj in frame.objects if (rle := object_rle(obj, size_wh))]
        area = sum(int(mask_utils.area(rle)) for rle in rles)
        apart = len(rles) < 2 or int(mask_utils.area(mask_utils.merge(rles))) == area
        kept.append(frame if apart else replace(frame, objects=()))
    dropped = sum(a is not b for a, b in zip(frames, kept))
    if dropped:
        warnings.warn(
            f'All predictions of {dropped} frames are left out, because masks overlap '
            'there. Give every pixel to one object.',
            stacklevel=4,
        )
    return kept


def _check_categories(
    frames: Iterable[ScalabelFrame], categories: Sequence[str], path: str | Path
) -> None:
    unknown = {o.category for frame in frames for o in frame.objects} - {*categories}
    if unknown:
        raise ValueError(
            f'{path} has labels of {", ".join(sorted(unknown))}; expected '
            f'{", ".join(categories)}, or an older or ignored name of BDD100K.'
        )
