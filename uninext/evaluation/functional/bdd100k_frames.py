"""BDD100K tracking: frames of labels -> frames of each class, and their figures.

:class:`ScalabelFrame` of ground truth and predictions in; what
``bdd100k_tracking`` counts, and the benchmark's table of figures, out.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as mask_utils

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
    BDD_SIZE_WH,
    BDD_THINGS,
    ScalabelFrame,
    ScalabelObject,
    mask_to_rle,
)


class ObjectShape(NamedTuple):
    """How objects are compared: by their boxes or by their masks.

    Attributes:
        get: Shape of an object in a picture of a width and height; None if it has none.
        similarity: IoU (G, P) of annotated and predicted shapes.
        cover: (P, R) in [0, 1], the part of a prediction that a region covers.
        exclusive: Whether predictions must not overlap.
    """

    get: Callable[[ScalabelObject, tuple[int, int]], Any]
    similarity: Callable[[Sequence, Sequence], np.ndarray]
    cover: Callable[[Sequence, Sequence], np.ndarray]
    exclusive: bool


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


def object_rle(obj: ScalabelObject, size_wh: tuple[int, int]) -> dict | None:
    """Mask of an object as RLE; None if it has none.

    Args:
        obj: The object.
        size_wh: Width and height of its picture.

    Raises:
        ValueError: If the mask is of another size.
    """
    return None if obj.mask is None else mask_to_rle(obj.mask, size_wh)


def picture_size(*frames: ScalabelFrame | None) -> tuple[int, int]:
    """Width and height of a picture: as stated, as its masks have it, or as usual.

    Args:
        *frames: Labels of the picture; the first that knows decides.
    """
    present = [frame for frame in frames if frame is not None]
    for frame in present:
        if frame.size_wh:
            return frame.size_wh
    for frame in present:
        for obj in frame.objects:
            if isinstance(obj.mask, dict):
                return obj.mask['size'][1], obj.mask['size'][0]
    return BDD_SIZE_WH


BOXES = ObjectShape(_box_of, _box_overlap, _box_cover, False)
MASKS = ObjectShape(object_rle, mask_similarity, _mask_cover, True)


def split_classes(
    frames: Sequence[tuple[ScalabelFrame, ScalabelFrame | None]],
    shape: ObjectShape,
) -> dict[str, list[TrackingFrame]]:
    """Compare the frames of a video class by class.

    Args:
        frames: In order, with the predictions; None where there are none.
        shape: ``BOXES`` or ``MASKS``.

    Returns:
        Class -> the frames in which it is annotated or predicted, without predictions
        in regions to be ignored.

    Raises:
        ValueError: If an id is twice in a frame, or a mask is of another size.
    """
    numbers: dict[str, int] = {}  # ids are text; annotated ones and tracks apart
    tracks: dict[str, int] = {}
    split: dict[str, list[TrackingFrame]] = {}
    for truth, answer in frames:
        size_wh = picture_size(truth, answer)
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


def bdd_tracking_figures(
    videos: Mapping[str, Mapping[str, Sequence[TrackingFrame]]],
    shape: ObjectShape,
    categories: Sequence[str] = BDD_THINGS,
) -> dict[str, Any]:
    """The benchmark's table.

    Args:
        videos: Name -> what :func:`split_classes` makes of the video.
        shape: ``BOXES`` or ``MASKS``.
        categories: All classes that the means are over.

    Returns:
        ``mMOTA``, ``mMOTP``, ``mIDF1`` and ``mHOTA``, means over the classes; ``MOTA``,
        ``MOTP``, ``IDF1``, ``FP``, ``FN``, ``IDSw``, ``MT``, ``PT``, ``ML`` and ``FM``
        over all objects; under ``classes`` and ``super_classes`` those of each. Rates
        are in percent, None where there is none. For masks MOTSA and MOTSP stand in
        place of MOTA and MOTP. HOTA is TrackEval's; without it a warning says that it
        is left out.
    """
    counts = {name: ClearCounts() for name in categories}
    sequences: dict[str, dict[str, Sequence[TrackingFrame]]] = {n: {} for n in counts}
    for video, classes in videos.items():
        for name, frames in classes.items():
            sequences[name][video] = frames
            counts[name] += count_video(frames)
    groups = {
        group: [name for name in names if name in counts]
        for group, names in SUPER_CLASSES.items()
    }
    groups = {group: names for group, names in groups.items() if names}
    table = summarize_classes(counts, groups)
    if find_spec('trackeval') is None:
        warnings.warn(
            'HOTA is left out: it needs TrackEval (requirements/tracking.txt).',
            stacklevel=2,
        )
    else:
        for name in categories:
            table[name]['HOTA'] = _hota(sequences[name])
        hota = np.mean([table[name]['HOTA'] for name in categories])
        table['AVERAGE']['HOTA'] = float(hota)
    averaged = [key for key in (*AVERAGED, 'HOTA') if key in table['AVERAGE']]
    figures = {
        **{f'm{key}': table['AVERAGE'][key] for key in averaged},
        **finite_figures(table['OVERALL']),
        'classes': {name: finite_figures(table[name]) for name in categories},
        'super_classes': {name: finite_figures(table[name]) for name in groups},
    }
    return _name_masks(figures) if shape.exclusive else figures


def finite_figures(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Replace what JSON cannot hold.

    Args:
        figures: Name -> number.

    Returns:
        The same with None for NaN and infinities.
    """
    return {k: v if math.isfinite(v) else None for k, v in figures.items()}


def _hota(sequences: Mapping[str, Sequence[TrackingFrame]]) -> float:
    """Of a class in percent; 0 for a class that is nowhere."""
    return 100 * tracking_figures(sequences)[COMBINED]['HOTA'] if sequences else 0.0


def _shapes(
    frame: ScalabelFrame,
    size_wh: tuple[int, int],
    shape: ObjectShape,
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


def _name_masks(figures: dict[str, Any]) -> dict[str, Any]:
    """MOTA and MOTP of masks are called MOTSA and MOTSP."""
    return {
        key.replace('MOTA', 'MOTSA').replace('MOTP', 'MOTSP'): (
            _name_masks(value) if isinstance(value, dict) else value
        )
        for key, value in figures.items()
    }
