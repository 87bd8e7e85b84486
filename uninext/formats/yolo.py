"""Objects as YOLO's lines of text: a file an image, numbers as shares of its sides.

``class x y w h`` is a box by its centre, ``class x1 y1 x2 y2 ...`` a polygon, which is
the place of a mask. Classes are from 0; ``data.yaml`` names them. Images lie below
``images``, their lines below ``labels`` under the same name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import is_finite, read_text
from uninext.formats.outlines import outline_of
from uninext.formats.predicted import PredictedImage, PredictedInstance

BOX_NUMBERS = 4
FEWEST_OF_POLYGON = 6


def yolo_lines(image: PredictedImage, numbers: Mapping[str, int]) -> str:
    """Lines of an image: polygons if any of its objects has a mask, else boxes.

    A file has one kind: YOLO reads boxes among polygons as damage.

    Args:
        image: The image.
        numbers: Name of a category -> class from 0.
    """
    size_wh = np.array([image.width, image.height])
    with_masks = any(instance.mask for instance in image.instances)
    lines = []
    for instance in image.instances:
        if with_masks:
            outline = outline_of(instance.mask)
            points = np.array(instance.corners_xy) if outline is None else outline
        else:
            x, y, w, h = instance.box_xywh
            points = np.array([(x + w / 2, y + h / 2), (w, h)])
        shares = np.clip(points / size_wh, 0, 1).ravel().tolist()
        words = [str(numbers[instance.label]), *(f'{share:.6f}' for share in shares)]
        lines.append(' '.join(words) + '\n')
    return ''.join(lines)


def yolo_names(names: Sequence[str]) -> str:
    """Text of ``data.yaml``: where images are, and the names of the classes."""
    lines = [f'  {number}: {json.dumps(name)}\n' for number, name in enumerate(names)]
    return ''.join(['path: .\ntrain: images\nval: images\nnames:\n', *lines])


def read_yolo(
    path: str | Path, names: Sequence[str], size_wh: tuple[int, int]
) -> list[PredictedInstance]:
    """Read the lines of an image; polygons become the boxes around them.

    Args:
        path: Of the file.
        names: Of the classes.
        size_wh: Of the image, pixels.

    Raises:
        DatasetError: If a line is neither a box nor a polygon, or has no such class.
    """
    instances = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            values = [float(word) for word in words[1:]]
            label = names[_class_of(words[0])]
        except (ValueError, IndexError):
            values, label = [], ''
        is_polygon = len(values) >= FEWEST_OF_POLYGON and len(values) % 2 == 0
        if not (is_polygon or len(values) == BOX_NUMBERS) or not all(
            is_finite(value) and 0 <= value <= 1 for value in values
        ):
            raise DatasetError(
                f'{path}, line {number}: expected "class x y w h" or "class x1 y1 x2 '
                f'y2 x3 y3 ...", a class below {len(names)} and shares in 0..1, got '
                f'{line.strip()[:60]!r}.'
            )
        points = np.array(values).reshape(-1, 2) * size_wh
        if is_polygon:
            start, sides = points.min(0), np.ptp(points, axis=0)
        else:
            start, sides = points[0] - points[1] / 2, points[1]
        instances.append(PredictedInstance(label, [*start.tolist(), *sides.tolist()]))
    return instances


def _class_of(word: str) -> int:
    if not word.isdecimal():
        raise ValueError
    return int(word)
