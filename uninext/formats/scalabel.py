"""Read labels and results in the Scalabel layout, as BDD100K keeps them.

JSON files, folders of them, or folders of RGBA bitmasks in; :class:`ScalabelFrame` out.
Converters and the evaluation share it, so that both see the same objects.

Boxes leave as (x1, y1, x2, y2) in pixels where x2 and y2 are the outer edge: the layout
names the last pixel of a box, so 1 is added, as the Scalabel toolkit does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

from uninext.formats.json_file import is_finite, read_json
from uninext.formats.rle import encode_mask, rle_as_json, to_rle
from uninext.utils.image_files import UNREADABLE, natural_key

# Classes of box and mask tracking and of instance segmentation; a bitmask's red channel
# counts them from 1. Detection has two more.
BDD_THINGS = (
    'pedestrian',
    'rider',
    'car',
    'truck',
    'bus',
    'train',
    'motorcycle',
    'bicycle',
)
BDD_DETECTION = (*BDD_THINGS, 'traffic light', 'traffic sign')
# What older labels call them.
BDD_SYNONYMS = {
    'bike': 'bicycle',
    'caravan': 'car',
    'motor': 'motorcycle',
    'person': 'pedestrian',
    'van': 'car',
}
# Objects of these classes are neither to be found nor wrong to be found.
BDD_IGNORED = {
    'other person': 'pedestrian',
    'other vehicle': 'car',
    'trailer': 'truck',
}
BDD_SIZE_WH = (1280, 720)
_CROWD, _IGNORED = 2, 1  # bits of a bitmask's green channel
_STEPS_PER_CURVE = 8
# What another type than expected raises.
_WRONG_TYPES = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True)
class ScalabelObject:
    """An object in a frame.

    Attributes:
        id: Of the object; the same over a video. None if the label has none.
        category: Name, synonyms and ignored classes replaced.
        ignored: Whether it is a crowd or to be ignored.
        box_xyxy: In pixels, outer edges; None where the label has no box.
        mask: COCO RLE with its counts as text, or COCO polygons; None where the label
            has no mask.
        score: Of a prediction; None in ground truth.
    """

    id: str | None
    category: str
    ignored: bool = False
    box_xyxy: tuple[float, float, float, float] | None = None
    mask: list | dict | None = None
    score: float | None = None


@dataclass(frozen=True)
class ScalabelFrame:
    """A frame of a video, or an image.

    Attributes:
        name: File name of the image.
        video: Name of the video; '' for images.
        index: Place in the video, from 0; of a bitmask its place in the folder.
        size_wh: Width and height in pixels; None if the file does not say.
        objects: The labels, those without box and mask too.
        has_index: Whether the file states the index.
    """

    name: str
    video: str
    index: int
    size_wh: tuple[int, int] | None
    objects: tuple[ScalabelObject, ...]
    has_index: bool = True


def find_label_files(path: str | Path) -> list[Path]:
    """The files that :func:`read_label_file` reads.

    Args:
        path: A JSON file; a folder of JSON files, one a video; a folder of bitmasks
            (images, or one folder of images a video).

    Returns:
        JSON files, or folders of bitmasks, in the order of their names.

    Raises:
        ValueError: If there is none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f'{path} does not exist. Check the path.')
    found = sorted(path.rglob('*.json')) or sorted(
        {image.parent for image in path.rglob('*.png')}
    )
    if not found:
        raise ValueError(
            f'{path} holds neither JSON files nor bitmasks (*.png). Expected labels in '
            'the Scalabel layout.'
        )
    return found


def read_frames(
    path: str | Path, categories: Sequence[str] = BDD_THINGS, in_videos: bool = True
) -> list[ScalabelFrame]:
    """Read all that :func:`find_label_files` finds.

    Args:
        path: As there.
        categories: Names that a bitmask's red channel counts from 1.
        in_videos: Whether a folder of bitmasks is a video.

    Raises:
        ValueError: If a file is not in the layout.
    """
    return [
        frame
        for file in find_label_files(path)
        for frame in read_label_file(file, categories, in_videos)
    ]


def read_label_file(
    path: Path, categories: Sequence[str] = BDD_THINGS, in_videos: bool = True
) -> list[ScalabelFrame]:
    """Read one JSON file, or one folder of bitmasks.

    Args:
        path: One of :func:`find_label_files`.
        categories: Names that a bitmask's red channel counts from 1.
        in_videos: Whether a folder of bitmasks is a video, or holds images.

    Returns:
        The frames in the order of the file.

    Raises:
        ValueError: If it is not in the layout.
    """
    if path.is_dir():
        return [
            _read_bitmask(image, index, categories, in_videos)
            for index, image in enumerate(sorted(path.glob('*.png'), key=natural_key))
        ]
    content = read_json(path)
    frames = content.get('frames') if isinstance(content, dict) else content
    if not isinstance(frames, list):
        raise ValueError(
            f'{path} is not in the Scalabel layout: expected a list of frames, each '
            'with "name" and "labels".'
        )
    parsed = []
    for position, frame in enumerate(frames):
        try:
            parsed.append(_parse_frame(frame))
        except _WRONG_TYPES as error:
            raise ValueError(
                f'{path}, frame {position}: expected {{name, videoName, frameIndex, '
                'labels: [{id, category, box2d | rle | poly2d}]}; '
                f'{type(error).__name__}: {error}.'
            ) from error
    return parsed


def mask_to_rle(mask: list | dict, size_wh: tuple[int, int]) -> dict:
    """One RLE of an object's mask.

    Args:
        mask: As :attr:`ScalabelObject.mask`.
        size_wh: Of the image, which polygons do not know.

    Raises:
        ValueError: If the RLE belongs to an image of another size.
    """
    width, height = size_wh
    return to_rle(mask, height, width)


def _parse_frame(frame: dict) -> ScalabelFrame:
    size = frame.get('size')
    index = frame.get('frameIndex', frame.get('index'))
    objects = []
    for place, label in enumerate(frame.get('labels') or ()):
        try:
            objects.append(_parse_label(label))
        except _WRONG_TYPES as error:
            reason = f'no {error}' if isinstance(error, KeyError) else error
            raise ValueError(f'label {place}: {reason}') from error
    if not isinstance(frame['name'], str):
        raise ValueError(f'name must be a text, got {frame["name"]!r}')
    video = frame.get('videoName') or frame.get('video_name') or ''
    if not isinstance(video, str):
        raise ValueError(f'videoName must be a text, got {video!r:.60}')
    return ScalabelFrame(
        name=frame['name'],
        video=video,
        index=0 if index is None else _whole(index, 'frameIndex'),
        size_wh=_parse_size(size) if size else None,
        objects=tuple(objects),
        has_index=index is not None,
    )


def _parse_size(size: dict) -> tuple[int, int]:
    width, height = (_whole(size[key], key) for key in ('width', 'height'))
    if min(width, height) < 1:
        raise ValueError(f'size must be 1 or more, got {width} x {height}')
    return width, height


def _parse_label(label: dict) -> ScalabelObject:
    category = label['category']
    if not isinstance(category, str):
        raise ValueError(f'category must be a name, got {category!r}')
    category = BDD_SYNONYMS.get(category, category)
    attributes = label.get('attributes') or {}
    crowd_or_ignored = bool(attributes.get('crowd') or attributes.get('ignored'))
    mask: list | dict | None = None
    if label.get('rle'):
        mask = _parse_rle(label['rle'])
    elif label.get('poly2d'):
        mask = list(_polygons(label['poly2d'])) or None
    identity, score = label.get('id'), label.get('score')
    return ScalabelObject(
        id=None if identity is None else str(identity),
        category=BDD_IGNORED.get(category, category),
        ignored=crowd_or_ignored or category in BDD_IGNORED,
        box_xyxy=_parse_box(label.get('box2d')),
        mask=mask,
        score=None if score is None else _finite(score, 'score'),
    )


def _parse_rle(rle: dict) -> dict:
    """COCO RLE with its counts as text, whether the file has text or a list."""
    size = [int(v) for v in rle['size']]
    return rle_as_json(to_rle(dict(size=size, counts=rle['counts']), *size))


def _parse_box(box2d: dict | None) -> tuple[float, float, float, float] | None:
    if not box2d:
        return None
    x1, y1, x2, y2 = (
        _finite(box2d[key], f'{key} of box2d') for key in ('x1', 'y1', 'x2', 'y2')
    )
    return x1, y1, x2 + 1, y2 + 1


def _finite(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f'{what} must be a number, got {value!r}')
    if not is_finite(value):
        raise ValueError(f'{what} is not finite: {value!r:.60}')
    return float(value)


def _whole(value: Any, what: str) -> int:
    if _finite(value, what) % 1:
        raise ValueError(f'{what} must be a whole number, got {value}')
    return int(value)


def _polygons(poly2d: list[dict]) -> Iterator[list[float]]:
    """COCO polygons; curves are replaced by short lines."""
    for polygon in poly2d:
        vertices = [np.asarray(v[:2], dtype=np.float64) for v in polygon['vertices']]
        types = polygon.get('types') or 'L' * len(vertices)
        if len(types) != len(vertices):
            raise ValueError('poly2d has not as many types as vertices')
        points = _flatten(vertices, types)
        if len(points) >= 3:
            yield np.round(np.concatenate(points), 2).tolist()


def _flatten(vertices: list[np.ndarray], types: str) -> list[np.ndarray]:
    """Points of a closed outline: two vertices ``C`` bend the line to the next vertex.

    That vertex is the third ``C`` in a row (as published labels write it), or an ``L``.
    """
    points: list[np.ndarray] = []
    place = 0
    while place < len(vertices):
        if types[place] != 'C' or place == 0:
            points.append(vertices[place])
            place += 1
            continue
        start = points[-1]
        first, second, end = (
            vertices[(place + step) % len(vertices)] for step in range(3)
        )
        for t in np.arange(1, _STEPS_PER_CURVE + 1) / _STEPS_PER_CURVE:
            points.append(
                (1 - t) ** 3 * start
                + 3 * (1 - t) ** 2 * t * first
                + 3 * (1 - t) * t**2 * second
                + t**3 * end
            )
        place += 3
    return points


def _read_bitmask(
    path: Path, index: int, categories: Sequence[str], in_videos: bool
) -> ScalabelFrame:
    """Red: category from 1; green: attributes; blue, alpha: id."""
    try:
        with Image.open(path) as image:
            mode, pixels = image.mode, np.asarray(image)
    except UNREADABLE as error:
        raise ValueError(f'{path} cannot be read: {error}.') from error
    if mode != 'RGBA':
        raise ValueError(
            f'{path} has the mode {mode}; a bitmask of BDD100K is RGBA: category, '
            'attributes, and the id in two channels.'
        )
    height, width = pixels.shape[:2]
    values = pixels.astype(np.uint32) @ np.array(
        [1 << 24, 1 << 16, 1 << 8, 1], np.uint32
    )
    objects = []
    for value in np.unique(values).tolist():
        category, attributes, identity = value >> 24, value >> 16 & 255, value & 65535
        if not category:
            continue
        if category > len(categories):
            raise ValueError(
                f'{path} has the category {category} in its red channel; there are '
                f'{len(categories)}: {", ".join(categories)}.'
            )
        rle = encode_mask(values == value)
        x, y, w, h = mask_utils.toBbox(rle).tolist()
        objects.append(
            ScalabelObject(
                id=str(identity),
                category=categories[category - 1],
                ignored=bool(attributes & (_CROWD | _IGNORED)),
                box_xyxy=(x, y, x + w, y + h),
                mask=rle,
            )
        )
    video = path.parent.name if in_videos else ''
    name = f'{path.stem}.jpg'
    size_wh = width, height
    return ScalabelFrame(name, video, index, size_wh, tuple(objects), has_index=False)
