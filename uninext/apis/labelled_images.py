"""Labelled images as questions: what is there, and what is not.

COCO files say what an image shows; of their categories the others are not there. Those
of LVIS list which are known not to be. Expressions that fit nothing are in files of
their own, as the Shapes suite writes them.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from uninext.formats.boxes import xywh_to_xyxy
from uninext.formats.coco import (
    absent_category_ids,
    category_names,
    checked_coco,
    read_annotations,
)
from uninext.formats.errors import DatasetError


class LabelledImage(NamedTuple):
    """An image, and what may be asked of it.

    Attributes:
        path: Its file.
        boxes_xyxy: Name of a category that is there -> (n, 4) boxes in pixels.
        absent_categories: Names of those that are not.
        expressions: Each fits an object.
        absent_expressions: Each fits none.
    """

    path: Path
    boxes_xyxy: dict[str, np.ndarray]
    absent_categories: list[str]
    expressions: list[str]
    absent_expressions: list[str]


def read_labelled_images(
    ann_file: str | Path,
    images: str | Path,
    refs: str | Path | None = None,
    absent: str | Path | None = None,
) -> list[LabelledImage]:
    """Read a labelled set.

    Args:
        ann_file: COCO annotations.
        images: Folder that its file names start from.
        refs: An image record per referred object, with ``file_name`` and
            ``expressions``, of which the first is taken.
        absent: ``images`` with ``file_name`` and ``absent_expressions``.

    Raises:
        DatasetError: A ValueError, if a file is not of its layout.
        FileError: If it cannot be read.
    """
    content = checked_coco(read_annotations(str(ann_file)), str(ann_file))
    names = category_names(content, str(ann_file))
    absent_ids = absent_category_ids(content)
    boxes: dict[Any, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for annotation in content['annotations']:
        if not annotation.get('iscrowd'):
            name = names[annotation['category_id']]
            boxes[annotation['image_id']][name].append(annotation['bbox'])
    fitting = [(file, texts[:1]) for file, texts in _texts_of(refs, 'expressions')]
    here, not_here = _joined(fitting), _joined(_texts_of(absent, 'absent_expressions'))
    return [
        LabelledImage(
            Path(images) / image['file_name'],
            {k: xywh_to_xyxy(v) for k, v in boxes[image['id']].items()},
            [names[i] for i in absent_ids[image['id']]],
            here.get(image['file_name'], []),
            not_here.get(image['file_name'], []),
        )
        for image in content['images']
    ]


def _texts_of(path: str | Path | None, key: str) -> list[tuple[str, list[str]]]:
    """File name and texts of each record."""
    if path is None:
        return []
    content = read_annotations(str(path))
    try:
        return [(one['file_name'], list(one[key])) for one in content['images']]
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f'Annotation file {path} needs images with file_name and {key}; one has '
            f'no {error}.'
        ) from error


def _joined(records: list[tuple[str, list[str]]]) -> dict[str, list[str]]:
    joined: dict[str, list[str]] = defaultdict(list)
    for file_name, texts in records:
        joined[file_name] += texts
    return joined
