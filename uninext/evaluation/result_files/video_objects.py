"""Video object segmentation: folders of palette pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from uninext.evaluation.functional.video_objects import (
    ObjectScores,
    object_scores,
    summarize_objects,
)

VOID = 255  # of DAVIS 2017; in DAVIS 2016 it is the object


def evaluate_davis(gt: str | Path, pred: str | Path) -> dict[str, dict]:
    """J and F by the rules of DAVIS; the first and the last frame do not count.

    Pictures are ``<video>/<frame>.png``, a pixel's value is the id of its object. A
    video whose ground truth has the one value 255 is of DAVIS 2016: there any object
    of the result is the object. Otherwise objects are those of any annotated frame,
    and 255 is no object.

    Args:
        gt: ``Annotations`` folder with a folder per video (or such a folder in it, like
            ``480p``).
        pred: Results folder of the same layout; also of fewer objects (they count as
            empty), also with further videos.

    Returns:
        ``{'num_sequences', 'num_objects', 'mean': {figure: value}, 'per_sequence':
        {video: {...}}}`` with the figures of ``summarize_objects``.

    Raises:
        ValueError: If a video or frame is missing, a picture cannot be read or has
            another size, or the result has objects that the ground truth has not.
    """
    gt_root, pred_root = _find_videos_root(Path(gt)), _find_videos_root(Path(pred))
    videos = sorted(p.name for p in gt_root.iterdir() if p.is_dir())
    missing = [name for name in videos if not (pred_root / name).is_dir()]
    if missing:
        raise ValueError(
            f'{pred_root} has no folder for {len(missing)} of {len(videos)} videos '
            f'(e.g. {missing[0]}): figures of a part are not comparable.'
        )
    per_sequence, scores = {}, []
    for name in videos:
        objects = _score_video(gt_root / name, pred_root / name)
        if not objects:
            continue  # a video without objects has nothing to judge
        scores.extend(objects)
        figures = summarize_objects(objects)
        per_sequence[name] = {**figures, 'num_objects': len(objects)}
    return {
        'num_sequences': len(per_sequence),
        'num_objects': len(scores),
        'mean': summarize_objects(scores),
        'per_sequence': per_sequence,
    }


def read_object_ids(path: str | Path) -> np.ndarray:
    """Read a picture of object ids.

    Args:
        path: PNG with a palette or grey values; of a colour picture whose channels are
            equal, one is taken.

    Returns:
        (H, W) uint8, 0 is background.

    Raises:
        ValueError: If it cannot be read or has colours instead of ids.
    """
    try:
        with Image.open(path) as image:
            ids = np.array(image)
    except FileNotFoundError:
        raise ValueError(f'{path} does not exist.') from None
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f'{path} is not a picture: {error}.') from None
    if ids.ndim == 3 and (ids[..., :3] == ids[..., :1]).all():
        ids = ids[..., 0]
    if ids.ndim != 2:
        raise ValueError(
            f'{path} has colours. Object ids are the indices of a palette (mode P) or '
            'grey values.'
        )
    return ids.astype(np.uint8)


def object_ids_in(ids: np.ndarray) -> list[int]:
    """Objects of a picture.

    Args:
        ids: (H, W) uint8, 0 is background.

    Returns:
        Those that have a pixel, ascending.
    """
    # Counting, not sorting: a picture has many pixels and few values.
    return (np.flatnonzero(np.bincount(ids.ravel(), minlength=1)[1:]) + 1).tolist()


def _find_videos_root(folder: Path) -> Path:
    """Step down folders that hold nothing but one folder, to that of the videos."""
    if not folder.is_dir():
        raise ValueError(f'{folder} is not a folder.')
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir()]
    if inner and any(inner[0].glob('*.png')):
        return folder
    if len(inner) == 1:
        return _find_videos_root(inner[0])
    raise ValueError(f'{folder} does not hold <video>/<frame>.png.')


def _score_video(gt: Path, pred: Path) -> list[ObjectScores]:
    names = sorted(p.name for p in gt.glob('*.png'))
    if len(names) < 3:
        raise ValueError(
            f'{gt} has {len(names)} annotated frames; the first and the last do not '
            'count, so 3 are the least.'
        )
    truth = [read_object_ids(gt / name) for name in names]
    absent = [name for name in names[1:-1] if not (pred / name).is_file()]
    if absent:
        raise ValueError(f'{pred} misses {len(absent)} frames (e.g. {absent[0]}).')
    answers = [read_object_ids(pred / name) for name in names[1:-1]]
    for name, answer, ids in zip(names[1:-1], answers, truth[1:-1]):
        if answer.shape != ids.shape:
            raise ValueError(
                f'{pred / name} has the size {answer.shape} (H, W), its ground truth '
                f'{ids.shape}. Results are in the size of the original picture.'
            )
    objects = sorted({i for ids in truth for i in object_ids_in(ids)})
    if objects == [VOID]:
        truth = [(ids > 0).astype(np.uint8) for ids in truth]
        answers = [(ids > 0).astype(np.uint8) for ids in answers]
        objects = [1]
    objects = [o for o in objects if o != VOID]
    found = {i for answer in answers for i in object_ids_in(answer)} - {VOID}
    if not found <= set(objects):
        raise ValueError(
            f'{pred} has the objects {sorted(found - set(objects))}, but the ground '
            f'truth has {objects}.'
        )
    return [
        object_scores([a == o for a in answers], [t == o for t in truth[1:-1]])
        for o in objects
    ]
