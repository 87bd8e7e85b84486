"""BDD100K: labels and results in the Scalabel layout, and bitmasks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as mask_utils

from uninext.evaluation.functional.bdd100k_detection import OVERALL, detection_figures
from uninext.evaluation.functional.bdd100k_tracking import (
    AVERAGED,
    SUPER_CLASSES,
    ClearCounts,
    count_video,
    drop_ignored,
    summarize_classes,
)
from uninext.evaluation.functional.tracking import (
    COMBINED,
    TrackingFrame,
    box_similarity,
    mask_similarity,
    tracking_figures,
)
from uninext.utils.scalabel import (
    BDD_DETECTION,
    BDD_SIZE_WH,
    BDD_THINGS,
    ScalabelFrame,
    ScalabelObject,
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
        ``mMOTA``, ``mMOTP``, ``mIDF1`` and ``mHOTA``, means over the 8 classes; MOTA,
        MOTP, IDF1 and counts over all objects; and under ``classes`` and
        ``super_classes`` the figures of each. Rates are in percent; None where a class
        has none. HOTA is by TrackEval, not by Scalabel; without TrackEval a warning
        says that it is left out.

    Raises:
        ValueError: If a file cannot be read, has other classes, videos or frames than
            ``gt``, or an id is twice in a frame.
    """
    return _tracking_figures(gt, pred, _BOXES)


def evaluate_bdd_mots(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Mask tracking by the rules of BDD100K: mMOTSA, mIDF1, mMOTSP and their parts.

    As :func:`evaluate_bdd_mot`, with masks. All predictions of a frame in which two
    overlap are left out, as the benchmark does it; a warning says how many frames.

    Args:
        gt: Scalabel JSON with ``rle`` (file or folder), or folder of RGBA bitmasks,
            one folder a video (``seg_track_20/bitmasks/val``).
        pred: The same with predictions.

    Returns:
        As :func:`evaluate_bdd_mot`, with MOTSA and MOTSP in place of MOTA and MOTP.

    Raises:
        ValueError: As :func:`evaluate_bdd_mot`, or if a mask is of another size.
    """
    figures = _tracking_figures(gt, pred, _MASKS)
    return _rename(figures, {'MOTA': 'MOTSA', 'MOTP': 'MOTSP'})


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


class _Shape(NamedTuple):
    """How objects are compared: by their boxes or by their masks."""

    get: Callable[[ScalabelObject, tuple[int, int]], Any]  # None where it has none
    similarity: Callable[[Sequence, Sequence], np.ndarray]  # (G, P) IoU
    cover: Callable[[Sequence, Sequence], np.ndarray]  # (P, R) part that is covered
    exclusive: bool  # whether predictions must not overlap


def _box_overlap(truth: Sequence, answers: Sequence) -> np.ndarray:
    return box_similarity(np.asarray(truth), np.asarray(answers))


def _box_cover(answers: Sequence, regions: Sequence) -> np.ndarray:
    boxes = np.reshape(answers, (-1, 1, 4))
    others = np.reshape(regions, (1, -1, 4))
    top_left = np.maximum(boxes[..., :2], others[..., :2])
    bottom_right = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)  # (P, R)
    areas = np.prod(boxes[..., 2:] - boxes[..., :2], axis=2)  # (P, 1)
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)


def _mask_cover(answers: Sequence, regions: Sequence) -> np.ndarray:
    # with these flags pycocotools divides by the area of the answer
    return np.asarray(mask_utils.iou(list(answers), list(regions), [1] * len(regions)))


def _box_of(
    obj: ScalabelObject, size_wh: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """The box, its left, top, width and height in single precision.

    So the toolkit held boxes when the published figures were made; MOTP shows it in
    its eighth digit.
    """
    if obj.box_xyxy is None:
        return None
    x1, y1, x2, y2 = obj.box_xyxy
    x, y, width, height = np.array(
        (x1, y1, x2 - x1, y2 - y1), dtype=np.float32
    ).tolist()
    return x, y, x + width, y + height


def _rle_of(obj: ScalabelObject, size_wh: tuple[int, int]) -> dict | None:
    return None if obj.mask is None else mask_to_rle(obj.mask, size_wh)


def _size_of(*frames: ScalabelFrame | None) -> tuple[int, int]:
    """Width and height of a picture: as stated, as its masks have it, or as usual."""
    present = [frame for frame in frames if frame is not None]
    for frame in present:
        if frame.size_wh:
            return frame.size_wh
    for frame in present:
        for obj in frame.objects:
            if isinstance(obj.mask, dict):
                return obj.mask['size'][1], obj.mask['size'][0]
    return BDD_SIZE_WH


_BOXES = _Shape(_box_of, _box_overlap, _box_cover, False)
_MASKS = _Shape(_rle_of, mask_similarity, _mask_cover, True)


def _tracking_figures(
    gt: str | Path, pred: str | Path, shape: _Shape
) -> dict[str, Any]:
    sequences: dict[str, dict[str, list[TrackingFrame]]] = {n: {} for n in BDD_THINGS}
    counts = {name: ClearCounts() for name in BDD_THINGS}
    for video, frames in _pair_frames(gt, pred, shape).items():
        for name, class_frames in _split_classes(frames, shape).items():
            sequences[name][video] = class_frames
            counts[name] += count_video(class_frames)
    table = summarize_classes(counts)
    if find_spec('trackeval') is None:
        warnings.warn(
            'HOTA is left out: it needs TrackEval (requirements/tracking.txt).',
            stacklevel=3,
        )
    else:
        for name in BDD_THINGS:
            table[name]['HOTA'] = _hota(sequences[name])
        hota = np.mean([table[name]['HOTA'] for name in BDD_THINGS])
        table['AVERAGE']['HOTA'] = float(hota)
    averaged = [key for key in (*AVERAGED, 'HOTA') if key in table['AVERAGE']]
    return {
        **{f'm{key}': table['AVERAGE'][key] for key in averaged},
        **_finite(table['OVERALL']),
        'classes': {name: _finite(table[name]) for name in BDD_THINGS},
        'super_classes': {name: _finite(table[name]) for name in SUPER_CLASSES},
    }


def _hota(sequences: dict[str, list[TrackingFrame]]) -> float:
    """Of a class in percent; 0 for a class that is nowhere."""
    return 100 * tracking_figures(sequences)[COMBINED]['HOTA'] if sequences else 0.0


def _pair_frames(
    gt: str | Path, pred: str | Path, shape: _Shape
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


def _split_classes(
    frames: Sequence[tuple[ScalabelFrame, ScalabelFrame | None]],
    shape: _Shape,
) -> dict[str, list[TrackingFrame]]:
    """Class -> frames of a video in which the class is annotated or predicted."""
    numbers: dict[str, int] = {}  # ids are text; annotated ones and tracks apart
    tracks: dict[str, int] = {}
    split: dict[str, list[TrackingFrame]] = {}
    for truth, answer in frames:
        size_wh = _size_of(truth, answer)
        objects, regions = _shapes(truth, size_wh, shape, numbers)
        found = _shapes(answer, size_wh, shape, tracks)[0] if answer else {}
        for name in sorted(objects.keys() | found.keys()):
            ids, shapes = objects.get(name, ([], []))
            track_ids, answers = found.get(name, ([], []))
            frame = TrackingFrame(
                np.array(ids, dtype=np.int64),
                np.array(track_ids, dtype=np.int64),
                shape.similarity(shapes, answers),
            )
            if answers and regions:
                frame = drop_ignored(frame, shape.cover(answers, regions))
            split.setdefault(name, []).append(frame)
    return split


def _shapes(
    frame: ScalabelFrame,
    size_wh: tuple[int, int],
    shape: _Shape,
    numbers: dict[str, int],
) -> tuple[dict[str, tuple[list[int], list]], list]:
    """Class -> (ids, shapes); and the shapes that are to be ignored."""
    objects: dict[str, tuple[list[int], list]] = {}
    regions: list[Any] = []
    for obj in frame.objects:
        outline = shape.get(obj, size_wh)
        if outline is None:
            continue
        if obj.ignored:
            regions.append(outline)
            continue
        ids, shapes = objects.setdefault(obj.category, ([], []))
        number = numbers.setdefault(obj.id, len(numbers))
        if number in ids:
            raise ValueError(
                f'Frame {frame.name} of the video {frame.video!r} has the id '
                f'{obj.id!r} twice among {obj.category}. An object is once in a frame.'
            )
        ids.append(number)
        shapes.append(outline)
    return objects, regions


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
        size_wh = _size_of(frame, answer_of.get(frame.name))
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
        **_finite(figures[OVERALL]),
        'classes': {name: _finite(figures[name]) for name in categories},
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
        size_wh = _size_of(frame)
        rles = [rle for obj in frame.objects if (rle := _rle_of(obj, size_wh))]
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


def _finite(figures: dict[str, float]) -> dict[str, float | None]:
    return {k: v if math.isfinite(v) else None for k, v in figures.items()}


def _rename(figures: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    renamed = {}
    for key, value in figures.items():
        bare = key[1:] if key.startswith('m') else key
        new = key.replace(bare, names.get(bare, bare))
        renamed[new] = _rename(value, names) if isinstance(value, dict) else value
    return renamed
