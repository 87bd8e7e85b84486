"""BDD100K: labels and results in the Scalabel layout, and bitmasks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pycocotools import mask as mask_utils

from uninext.evaluation.evaluators.bdd100k import BDD100KTracksEvaluator
from uninext.evaluation.evaluators.tracks import overlapping_masks
from uninext.evaluation.functional.bdd100k_detection import OVERALL, detection_metrics
from uninext.evaluation.functional.bdd100k_frames import (
    finite_metrics,
    image_size,
    object_rle,
)
from uninext.formats.scalabel import (
    BDD_DETECTION,
    BDD_THINGS,
    ScalabelFrame,
    find_label_files,
    mask_to_rle,
    read_label_file,
)


class _Placed(NamedTuple):
    """A frame and where it was read, for errors."""

    place: str
    frame: ScalabelFrame


def evaluate_bdd_mot(
    gt: str | Path, pred: str | Path, single_precision: bool = False
) -> dict[str, Any]:
    """Box tracking by the rules of BDD100K: mMOTA, mIDF1, mMOTP and their parts.

    A pair needs an IoU of 0.5; predictions without a partner of which more than half
    lies in a crowd or in an object to be ignored do not count. Frames go by
    ``videoName`` and ``frameIndex``, or, where a side has no index, by ``videoName``
    and ``name`` without its ending. A video or frame that ``pred`` lacks has no
    predictions.

    Args:
        gt: Scalabel JSON file, or folder of one file a video (``box_track_20/val``).
        pred: The same with predictions: ``{name, videoName, frameIndex, labels: [{id,
            category, box2d}]}``.
        single_precision: As ``BDD100KTracksEvaluator``.

    Returns:
        As ``BDD100KTracksEvaluator.summarize``.

    Raises:
        ValueError: If a file cannot be read, has other classes, videos or frames than
            ``gt``, labels without id or box, a frame twice, or an id twice in a frame.
    """
    return _evaluate_tracks(
        gt, pred, BDD100KTracksEvaluator(False, BDD_THINGS, single_precision)
    )


def evaluate_bdd_mots(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Mask tracking by the rules of BDD100K: mMOTSA, mIDF1, mMOTSP and their parts.

    As :func:`evaluate_bdd_mot`, with masks. All predictions of a frame in which two
    overlap are left out, as the benchmark does it; a warning says how many frames.

    Args:
        gt: Scalabel JSON with ``rle`` (file or folder), or folder of RGBA bitmasks,
            one folder a video (``seg_track_20/bitmasks/val``).
        pred: The same with predictions.

    Returns:
        As ``BDD100KTracksEvaluator.summarize``.

    Raises:
        ValueError: As :func:`evaluate_bdd_mot`, or if a mask is damaged or of another
            size.
    """
    return _evaluate_tracks(gt, pred, BDD100KTracksEvaluator(with_masks=True))


def evaluate_bdd_det(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Box AP and AR over the 10 classes of detection.

    Args:
        gt: Scalabel JSON (``det_20/det_val.json``).
        pred: Scalabel JSON with ``score`` and ``box2d``; images are found by name.

    Returns:
        AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm and ARl, 0 to 1, means
        over the classes that are annotated, and under ``classes`` those of each; None
        where there is nothing to find.

    Raises:
        ValueError: If a file cannot be read, has unknown classes or an image twice, or
            a prediction has no score or no box.
    """
    return _image_metrics(gt, pred, BDD_DETECTION, 'bbox')


def evaluate_bdd_insseg(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """Mask AP and AR over the 8 classes of instance segmentation.

    Deviation: polygons become masks by COCO's rule, not by a drawing library's.

    Args:
        gt: Scalabel JSON with ``rle`` or ``poly2d``, or folder of RGBA bitmasks.
        pred: Scalabel JSON with ``score`` and ``rle``. All predictions of an image in
            which two overlap are left out, as the benchmark does it; a warning says
            how many images.

    Returns:
        As :func:`evaluate_bdd_det`.

    Raises:
        ValueError: As :func:`evaluate_bdd_det`, with masks, or if one is damaged or of
            another size.
    """
    return _image_metrics(gt, pred, BDD_THINGS, 'segm')


def _evaluate_tracks(
    gt: str | Path, pred: str | Path, evaluator: BDD100KTracksEvaluator
) -> dict[str, Any]:
    with_masks = evaluator.shape.exclusive
    ground_truth = _read(gt, BDD_THINGS)
    if not ground_truth:
        raise ValueError(f'{gt} has no frame.')
    ground_truth.sort(key=lambda p: (p.frame.video, p.frame.index, p.frame.name))
    found = _read(pred, BDD_THINGS)
    for side in (ground_truth, found):
        _check_tracks(side)
    _check_shapes(ground_truth, with_masks, every=False)
    _check_shapes(found, with_masks, every=True)
    partner_of = _pair_frames(ground_truth, found, gt, pred)
    states: dict[str, Any] = {}
    for place, (where, frame) in enumerate(ground_truth):
        partner = partner_of.get(place)
        prediction = replace(frame, objects=()) if partner is None else partner.frame
        state = states.setdefault(frame.video, evaluator.start())
        try:
            evaluator.add(state, frame, prediction)
        except ValueError as error:
            other = '' if partner is None else f' and {partner.place}'
            raise ValueError(f'{where}{other}: {error}') from None
    return evaluator.summarize(
        {video: evaluator.finish(state) for video, state in states.items()}
    )


def _read(
    path: str | Path, categories: Sequence[str], in_videos: bool = True
) -> list[_Placed]:
    return [
        _Placed(f'{file}, frame {position} ({frame.name})', frame)
        for file in find_label_files(path)
        for position, frame in enumerate(read_label_file(file, categories, in_videos))
    ]


def _pair_frames(
    ground_truth: Sequence[_Placed], found: Sequence[_Placed], gt: object, pred: object
) -> dict[int, _Placed]:
    """Place of a frame in the ground truth -> the frame of predictions."""
    place_of_name = _unique_places(ground_truth, _name_key)
    place_of_index = _unique_places(ground_truth, _index_key)
    _unique_places(found, _name_key)
    partner_of: dict[int, _Placed] = {}
    strangers = []
    for item in found:
        by_name = place_of_name.get(_name_key(item.frame))
        place = by_name
        if item.frame.has_index and place_of_index:
            place = place_of_index.get(_index_key(item.frame))
            if by_name not in (None, place):
                raise ValueError(
                    f'{item.place}: by its name it is frame '
                    f'{ground_truth[by_name].frame.index} of the video '
                    f'{item.frame.video!r}, '
                    f'by its frameIndex frame {item.frame.index}. Count frames as '
                    f'{gt} does.'
                )
        if place is None:
            strangers.append(item)
        elif place in partner_of:
            raise ValueError(
                f'{item.place}: the frame is there twice, first in '
                f'{partner_of[place].place}.'
            )
        else:
            partner_of[place] = item
    if strangers:
        raise ValueError(
            f'{len(strangers)} frames of {pred} are not in {gt}, e.g. '
            f'{strangers[0].frame.name!r} of the video {strangers[0].frame.video!r} '
            f'({strangers[0].place}). Videos go by "videoName", frames by '
            '"frameIndex", or by "name" where there is none.'
        )
    return partner_of


def _name_key(frame: ScalabelFrame) -> tuple[str, str]:
    return frame.video, Path(frame.name).stem


def _index_key(frame: ScalabelFrame) -> tuple[str, int] | None:
    return (frame.video, frame.index) if frame.has_index else None


def _unique_places(
    items: Sequence[_Placed], key_of: Callable[[ScalabelFrame], Any]
) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for place, item in enumerate(items):
        key = key_of(item.frame)
        if key is None:
            continue
        first = places.setdefault(key, place)
        if first != place:
            raise ValueError(
                f'{item.place}: the frame is there twice, first in '
                f'{items[first].place}.'
            )
    return places


def _check_tracks(items: Sequence[_Placed]) -> None:
    """Frames belong to videos, labels to objects of the classes of tracking."""
    _check_categories(items, BDD_THINGS)
    for item in items:
        if not item.frame.video:
            raise ValueError(f'{item.place} has no "videoName", which tracks need.')
        for place, obj in enumerate(item.frame.objects):
            if obj.id is None:
                raise ValueError(
                    f'{item.place}, label {place} has no "id", which tracks need.'
                )


def _check_shapes(items: Sequence[_Placed], with_masks: bool, every: bool) -> None:
    """Labels have what is compared, not only the other; of each, or of any label."""
    lacking, num_fit = [], 0
    for item in items:
        for place, obj in enumerate(item.frame.objects):
            box, mask = obj.box_xyxy, obj.mask
            wanted, other = (mask, box) if with_masks else (box, mask)
            num_fit += wanted is not None
            if wanted is None and other is not None:
                lacking.append(f'{item.place}, label {place}')
    if lacking and (every or not num_fit):
        has, needs = ('box2d', 'rle') if with_masks else ('rle', 'box2d')
        raise ValueError(
            f'{lacking[0]} has "{has}" and no "{needs}", which this format evaluates '
            f'({len(lacking)} labels). Are these files of another format?'
        )


def _image_metrics(
    gt: str | Path, pred: str | Path, categories: Sequence[str], kind: str
) -> dict[str, Any]:
    ground_truth = _read(gt, categories, in_videos=False)
    ground_truth.sort(key=lambda item: item.frame.name)
    found = _read(pred, categories, in_videos=False)
    for side in (ground_truth, found):
        _check_categories(side, BDD_DETECTION)
        _unique_places(side, lambda frame: frame.name)
    _check_shapes(ground_truth, kind == 'segm', every=False)
    _check_shapes(found, kind == 'segm', every=True)
    _check_scores(found)
    names = {item.frame.name for item in ground_truth}
    strangers = sorted({item.frame.name for item in found} - names)
    if strangers:
        raise ValueError(
            f'{len(strangers)} images of {pred} are not in {gt}, e.g. '
            f'{strangers[0]!r}: the files belong to different sets.'
        )
    if kind == 'segm':
        found = _drop_overlapping(found)
    prediction_of = {item.frame.name: item for item in found}
    content: dict[str, list[dict]] = dict(
        images=[],
        annotations=[],
        categories=[dict(id=i, name=n) for i, n in enumerate(categories, start=1)],
    )
    results: list[dict] = []
    for item in ground_truth:
        image_id = len(content['images']) + 1
        prediction = prediction_of.get(item.frame.name)
        size_wh = image_size(item.frame, prediction and prediction.frame)
        image = dict(id=image_id, width=size_wh[0], height=size_wh[1])
        content['images'].append(image)
        for record in _as_coco(item, image, categories, kind):
            record['id'] = len(content['annotations']) + 1
            content['annotations'].append(record)
        if prediction is not None:
            results += _as_coco(prediction, image, categories, kind)
    metrics = detection_metrics(content, results, kind)
    return {
        **finite_metrics(metrics[OVERALL]),
        'classes': {name: finite_metrics(metrics[name]) for name in categories},
    }


def _as_coco(
    item: _Placed, image: dict[str, int], categories: Sequence[str], kind: str
) -> list[dict[str, Any]]:
    """Labels of the classes that have a shape of this kind."""
    records = []
    for place, obj in enumerate(item.frame.objects):
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
            try:
                rle = mask_to_rle(obj.mask, (image['width'], image['height']))
            except ValueError as error:
                raise ValueError(f'{item.place}, label {place}: {error}') from None
            area = float(mask_utils.area(rle))
            records.append(dict(record, segmentation=rle, area=area))
    return records


def _drop_overlapping(items: list[_Placed]) -> list[_Placed]:
    """Leave out all predictions of images in which two overlap, and say so."""
    kept = []
    for item in items:
        size_wh = image_size(item.frame)
        try:
            rles = [object_rle(obj, size_wh) for obj in item.frame.objects]
        except ValueError as error:
            raise ValueError(f'{item.place}: {error}') from None
        if overlapping_masks([rle for rle in rles if rle is not None]):
            item = item._replace(frame=replace(item.frame, objects=()))
        kept.append(item)
    dropped = sum(a is not b for a, b in zip(items, kept))
    if dropped:
        warnings.warn(
            f'All predictions of {dropped} frames are left out, because masks overlap '
            'there. Give every pixel to one object.',
            stacklevel=4,
        )
    return kept


def _check_scores(items: Sequence[_Placed]) -> None:
    for item in items:
        for place, obj in enumerate(item.frame.objects):
            if obj.score is None:
                raise ValueError(
                    f'{item.place}, label {place}: predictions without "score" '
                    '(bitmasks have none): give JSON with a score for each label.'
                )


def _check_categories(items: Sequence[_Placed], categories: Sequence[str]) -> None:
    for item in items:
        for place, obj in enumerate(item.frame.objects):
            if obj.category not in categories:
                raise ValueError(
                    f'{item.place}, label {place} has labels of {obj.category}; '
                    f'expected {", ".join(categories)}, or an older or ignored name '
                    'of BDD100K.'
                )
