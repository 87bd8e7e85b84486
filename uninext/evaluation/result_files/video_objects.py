"""Video objects: folders of maps of ids (VOS) or of masks (R-VOS)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from uninext.evaluation.evaluators.video_objects import (
    VOID,
    TrueObject,
    VideoObjectsEvaluator,
    object_ids_in,
)
from uninext.formats.index_png import read_object_ids
from uninext.formats.json_file import read_json
from uninext.utils.image_files import natural_key

META_FILE = 'meta.json'  # of YouTube-VOS: the category of each object
SEEN_BY = 'train'  # the split whose categories are the seen ones


def evaluate_davis(
    gt: str | Path, pred: str | Path, *, frames: str = 'inner'
) -> dict[str, Any]:
    """J and F of objects; by the rules of DAVIS the first and last frame do not count.

    Images are ``<video>/<frame>.png``, a pixel's value is the id of its object. A video
    whose ground truth has the one value 255 is of DAVIS 2016: there any object of the
    result is the object. Otherwise objects are those of any annotated frame, and 255 is
    no object.

    Args:
        gt: ``Annotations`` folder with a folder per video (or such a folder in it, like
            ``480p``).
        pred: Results folder of the same layout; also of fewer objects (they count as
            empty), also with further videos.
        frames: ``'inner'`` (DAVIS), ``'all'`` (Ref-DAVIS) or ``'after_first'``
            (YouTube-VOS): which frames count.

    Returns:
        ``{'num_sequences', 'num_objects', 'mean': {metric: value}, 'per_sequence':
        {video: {...}}}`` with the metrics of ``summarize_objects``.

    Raises:
        ValueError: If a video or frame is missing, an image cannot be read or has
            another size, or the result has objects that the ground truth has not.
    """
    return _evaluate(Path(gt), Path(pred), frames, {})


def evaluate_ytvos(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """J and F, and G of seen and unseen categories, by the rules of YouTube-VOS.

    An object counts from the frame after its first one; frames are those that the
    ground truth has. G needs the categories of the objects, ``meta.json`` beside
    ``Annotations``, and those of the training set, ``../train/meta.json``.

    Args:
        gt: Folder of a split, or its ``Annotations``.
        pred: Results folder, ``<video>/<frame>.png``.

    Returns:
        As :func:`evaluate_davis`; ``mean`` has ``G``, ``J_seen``, ``J_unseen``,
        ``F_seen`` and ``F_unseen`` where the categories are known and of both kinds.

    Raises:
        ValueError: As :func:`evaluate_davis`.
    """
    gt = Path(gt)
    split = gt.parent if gt.name == 'Annotations' else gt
    masks = split / 'Annotations'
    seen = read_seen(split / META_FILE, split.parent / SEEN_BY / META_FILE)
    return _evaluate(masks if masks.is_dir() else gt, Path(pred), 'after_first', seen)


def evaluate_rvos(gt: str | Path, pred: str | Path) -> dict[str, Any]:
    """J and F of expressions, each on its own; every frame counts (Ref-YouTube-VOS).

    Images are ``<video>/<expression>/<frame>.png``; what is not 0 is the object of the
    expression. (Ref-DAVIS, whose expressions share the pixels of a video, is ``davis``
    with ``frames='all'``.)

    Args:
        gt: Folder of the ground truth.
        pred: Results folder of the same layout.

    Returns:
        As :func:`evaluate_davis`; a sequence is an expression.

    Raises:
        ValueError: As :func:`evaluate_davis`.
    """
    return _evaluate(Path(gt), Path(pred), 'all', {}, one_object=True)


def read_seen(meta: Path, training: Path) -> dict[str, dict[int, bool]]:
    """Read which objects are of categories of the training set.

    Args:
        meta: ``meta.json`` of the split.
        training: ``meta.json`` of the training set.

    Returns:
        Video -> object id -> flag; empty where a file is absent.

    Raises:
        ValueError: If a file is not of the layout of YouTube-VOS.
    """
    if not meta.is_file() or not training.is_file():
        return {}
    known = {name for ids in _read_meta(training).values() for name in ids.values()}
    return {
        video: {number: name in known for number, name in ids.items()}
        for video, ids in _read_meta(meta).items()
    }


def _evaluate(
    gt: Path,
    pred: Path,
    frames: str,
    seen: Mapping[str, Mapping[int, bool]],
    one_object: bool = False,
) -> dict[str, Any]:
    evaluator = VideoObjectsEvaluator(frames)
    gt_root, pred_root = _find_videos_root(gt), _find_videos_root(pred)
    videos = sorted({p.parent.relative_to(gt_root) for p in gt_root.rglob('*.png')})
    missing = [name for name in videos if not (pred_root / name).is_dir()]
    if missing:
        raise ValueError(
            f'{pred_root} has no folder for {len(missing)} of {len(videos)} videos '
            f'(e.g. {missing[0]}): metrics of a part are not comparable.'
        )
    records, per_sequence = {}, {}
    for video in videos:
        name = video.as_posix()
        folders = gt_root / video, pred_root / video
        record = _record(evaluator, *folders, seen.get(name, {}), one_object)
        if not any(len(rows) for rows in record['objects'].values()):
            continue  # a video without objects has nothing to compare
        records[name] = record
        metrics = evaluator.summarize({name: record})
        per_sequence[name] = {**metrics, 'num_objects': len(record['objects'])}
    return {
        'num_sequences': len(records),
        'num_objects': sum(len(record['objects']) for record in records.values()),
        'mean': evaluator.summarize(records),
        'per_sequence': per_sequence,
    }


def _record(
    evaluator: VideoObjectsEvaluator,
    gt: Path,
    pred: Path,
    seen: Mapping[int, bool],
    one_object: bool,
) -> dict[str, Any]:
    names = sorted((p.name for p in gt.glob('*.png')), key=natural_key)
    counting = _counting(names, evaluator.frames, gt)
    absent = [name for name in counting if not (pred / name).is_file()]
    if absent:
        raise ValueError(f'{pred} misses {len(absent)} frames (e.g. {absent[0]}).')
    ground_truths = [read_object_ids(gt / name) for name in names]
    values = {i for ids in ground_truths for i in object_ids_in(ids)}
    is_binary = one_object or values == {VOID}
    state = evaluator.start()
    for name, ground_truth in zip(names, ground_truths):
        predicted = None
        if name in counting:
            predicted = _read_prediction(pred / name, ground_truth, is_binary)
        if is_binary:
            ground_truth = (ground_truth > 0).astype(np.uint8)
        numbers = [1] if is_binary else object_ids_in(ground_truth)
        target = {
            number: TrueObject(ground_truth == number, seen.get(number))
            for number in numbers
            if number != VOID
        }
        evaluator.add(state, target, predicted)
    try:
        return evaluator.finish(state)
    except ValueError as error:
        raise ValueError(f'{pred}: {error}') from None


def _counting(names: list[str], frames: str, gt: Path) -> list[str]:
    """Frames that may count, so that a prediction must be there."""
    least = {'inner': 3, 'after_first': 2, 'all': 1}[frames]
    if len(names) < least:
        raise ValueError(
            f'{gt} has {len(names)} annotated frames, but not all of them count '
            f'({frames!r}): {least} are the least.'
        )
    return {'inner': names[1:-1], 'after_first': names[1:], 'all': names}[frames]


def _read_prediction(
    path: Path, ground_truth: np.ndarray, is_binary: bool
) -> np.ndarray:
    ids = read_object_ids(path)
    if ids.shape != ground_truth.shape:
        raise ValueError(
            f'{path} has the size {ids.shape} (H, W), its ground truth '
            f'{ground_truth.shape}. Results are in the size of the original image.'
        )
    if is_binary:
        return (ids > 0).astype(np.uint8)
    if ((ids == VOID) & (ground_truth != VOID)).any():
        raise ValueError(
            f'{path} has the value {VOID}, which is no object: pixels are the ids of '
            f'objects, here {object_ids_in(ground_truth)}, not 0 and {VOID}.'
        )
    return ids


def _read_meta(path: Path) -> dict[str, dict[int, str]]:
    """Video -> object id -> category."""
    try:
        return {
            video: {int(i): str(o['category']) for i, o in record['objects'].items()}
            for video, record in read_json(path)['videos'].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} is not of the layout of YouTube-VOS: expected {{videos: {{VIDEO: '
            f'{{objects: {{ID: {{category}}}}}}}}}} ({error!r}).'
        ) from None


def _find_videos_root(folder: Path) -> Path:
    """Step down folders that hold nothing but one folder, to that of the videos."""
    if not folder.is_dir():
        raise ValueError(f'{folder} is not a folder.')
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir()]
    if len(inner) == 1 and not any(inner[0].glob('*.png')):
        return _find_videos_root(inner[0])
    if not any(path.parent != folder for path in folder.rglob('*.png')):
        raise ValueError(f'{folder} does not hold <video>/<frame>.png.')
    return folder
