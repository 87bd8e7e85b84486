"""Objects as labelme's JSON: a file an image, beside which or to which it points.

Source: ``labelme/_label_file.py`` of labelme 5 and later. A mask is a polygon, a box a
rectangle by two corners. ``flags`` tell the band, ``description`` the score, and
``group_id`` the track.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import is_finite, read_json
from uninext.formats.outlines import outline_of
from uninext.formats.predicted import (
    ACCEPT,
    REVIEW,
    PredictedImage,
    PredictedInstance,
)

VERSION = '5.5.0'  # of labelme, whose layout this is
FEWEST_POINTS = {'polygon': 3, 'rectangle': 2}


def to_labelme(image: PredictedImage, image_path: str) -> dict[str, Any]:
    """The file of an image.

    Args:
        image: The image.
        image_path: Of its file, seen from the folder of the JSON.
    """
    return dict(
        version=VERSION,
        flags={REVIEW: any(i.band == REVIEW for i in image.instances)},
        shapes=[_shape(instance) for instance in image.instances],
        imagePath=image_path,
        imageData=None,
        imageHeight=image.height,
        imageWidth=image.width,
    )


def read_labelme(path: str | Path) -> PredictedImage:
    """Read the file of an image; polygons become the boxes around them.

    Raises:
        DatasetError: If it is not labelme's, or a shape is neither polygon nor
            rectangle.
    """
    content = read_json(path)
    keys = ('shapes', 'imagePath', 'imageHeight', 'imageWidth')
    if absent := _absent(content, keys):
        raise DatasetError(f'{path} is not a file of labelme: it has no {absent}.')
    instances = tuple(_instance(shape, str(path)) for shape in content['shapes'])
    sizes = content['imageHeight'], content['imageWidth']
    return PredictedImage(content['imagePath'], *sizes, instances)


def _shape(instance: PredictedInstance) -> dict[str, Any]:
    outline = outline_of(instance.mask)
    corners = instance.corners_xy
    points = [corners[0], corners[2]] if outline is None else outline.tolist()
    return dict(
        label=instance.label,
        points=[list(point) for point in points],
        group_id=instance.track_id,
        description=f'score {instance.score:.3f}',
        shape_type='rectangle' if outline is None else 'polygon',
        flags={instance.band: True} if instance.band else {},
        mask=None,
    )


def _instance(shape: Any, path: str) -> PredictedInstance:
    if absent := _absent(shape, ('label', 'points', 'shape_type')):
        raise DatasetError(f'{path}: a shape has no {absent}.')
    kind, points = shape['shape_type'], shape['points']
    fewest = FEWEST_POINTS.get(kind)
    if fewest is None or len(points) < fewest or not _are_points(points):
        raise DatasetError(
            f'{path}: expected polygons of three points or more and rectangles of two, '
            f'got a {kind!r} of {points!r:.60}.'
        )
    places = np.array(points, dtype=float)
    box = [*places.min(0).tolist(), *np.ptp(places, axis=0).tolist()]
    flags = shape.get('flags') or {}
    return PredictedInstance(
        shape['label'],
        box,
        track_id=shape.get('group_id'),
        band=next((band for band in (REVIEW, ACCEPT) if flags.get(band)), ''),
    )


def _absent(record: Any, keys: Sequence[str]) -> str:
    """Keys that a record has not."""
    given = record if isinstance(record, dict) else {}
    return ' and no '.join(key for key in keys if key not in given)


def _are_points(points: list[Any]) -> bool:
    return all(
        isinstance(point, list) and len(point) == 2 and all(map(is_finite, point))
        for point in points
    )
