"""Objects of images as CVAT's XML, "CVAT for images 1.1": written, read.

Source: the XML annotation format of CVAT's documentation. A mask is a polygon. Score
and band are attributes, which an upload keeps if the labels of the task have them:
``cvat_labels`` is what the constructor of a task takes as "Raw".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import read_text
from uninext.formats.outlines import outline_of
from uninext.formats.predicted import (
    ACCEPT,
    REVIEW,
    PredictedImage,
    PredictedInstance,
)

FORMAT_VERSION = '1.1'
SIDES = ('xtl', 'ytl', 'xbr', 'ybr')
_ATTRIBUTES = (  # name, input_type, default, values
    ('band', 'select', ACCEPT, (ACCEPT, REVIEW)),
    ('score', 'text', '1', ()),
)


def cvat_labels(names: Sequence[str]) -> list[dict[str, Any]]:
    """Labels of a task, as its constructor takes them."""
    attributes = [
        dict(
            name=name,
            mutable=False,
            input_type=kind,
            default_value=default,
            values=list(values) or [default],
        )
        for name, kind, default, values in _ATTRIBUTES
    ]
    return [dict(name=name, attributes=attributes) for name in names]


def to_cvat_images(images: Sequence[PredictedImage], names: Sequence[str]) -> str:
    """The whole file.

    Args:
        images: In any order; CVAT matches them by their file names.
        names: Of all categories.
    """
    root = ElementTree.Element('annotations')
    add_texts(root, version=FORMAT_VERSION)
    task = add(add(root, 'meta'), 'task')
    add_texts(task, name='predicted by uninext', size=len(images), mode='annotation')
    labels = add(task, 'labels')
    for name in names:
        label = add(labels, 'label')
        add_texts(label, name=name)
        attributes = add(label, 'attributes')
        for attribute, kind, default, values in _ATTRIBUTES:
            parts = dict(name=attribute, mutable=False, input_type=kind)
            texts = '\n'.join(values or (default,))
            spec = add(attributes, 'attribute')
            add_texts(spec, **parts, default_value=default, values=texts)
    for number, image in enumerate(images):
        sizes = dict(width=image.width, height=image.height)
        element = add(root, 'image', id=number, name=image.file_name, **sizes)
        for instance in image.instances:
            _add_shape(element, instance)
    return as_text(root)


def read_cvat_images(path: str | Path) -> list[PredictedImage]:
    """Read a file; polygons become the boxes around them.

    Raises:
        DatasetError: If it is not CVAT's of images, or a shape is neither box nor
            polygon.
    """
    try:
        root = ElementTree.fromstring(read_text(path).encode())
        if root.findtext('version') != FORMAT_VERSION or root.find('track') is not None:
            raise ValueError('it is of another version, or of a video')
        return [_image(element) for element in root.iter('image')]
    except (ElementTree.ParseError, ValueError, KeyError) as error:
        raise DatasetError(
            f'{path} is not "CVAT for images {FORMAT_VERSION}": {error}. Export it '
            'from CVAT in this format.'
        ) from None


def add(
    parent: ElementTree.Element, tag: str, **attributes: object
) -> ElementTree.Element:
    """Add an element."""
    texts = {key: str(value) for key, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, texts)


def add_texts(parent: ElementTree.Element, **texts: object) -> None:
    """Add an element for each text."""
    for tag, text in texts.items():
        add(parent, tag).text = str(text)


def points_text(points: Sequence[Sequence[float]] | np.ndarray) -> str:
    """Points (P, 2) xy of a polygon, to a hundredth of a pixel."""
    return ';'.join(f'{x:.2f},{y:.2f}' for x, y in points)


def as_text(root: ElementTree.Element) -> str:
    """The whole file."""
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding='unicode')
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add_shape(parent: ElementTree.Element, instance: PredictedInstance) -> None:
    common = dict(label=instance.label, source='auto', occluded=0)
    outline = outline_of(instance.mask)
    if outline is None:
        corners = instance.corners_xy[0] + instance.corners_xy[2]
        sides = {side: f'{value:.2f}' for side, value in zip(SIDES, corners)}
        shape = add(parent, 'box', **common, **sides, z_order=0)
    else:
        points = points_text(outline)
        shape = add(parent, 'polygon', **common, points=points, z_order=0)
    values = dict(band=instance.band, score=f'{instance.score:.3f}')
    for name, value in values.items():
        add(shape, 'attribute', name=name).text = value


def _image(element: ElementTree.Element) -> PredictedImage:
    instances = tuple(_instance(shape) for shape in element)
    height, width = (int(element.attrib[side]) for side in ('height', 'width'))
    return PredictedImage(element.attrib['name'], height, width, instances)


def _instance(shape: ElementTree.Element) -> PredictedInstance:
    points: np.ndarray
    if shape.tag == 'box':
        points = np.array([float(shape.attrib[side]) for side in SIDES]).reshape(2, 2)
    elif shape.tag == 'polygon':
        pairs = [pair.split(',') for pair in shape.attrib['points'].split(';')]
        points = np.array(pairs, dtype=float)
    else:
        raise ValueError(f'expected shapes box and polygon, got {shape.tag}')
    values = {a.attrib['name']: a.text for a in shape.iter('attribute')}
    return PredictedInstance(
        shape.attrib['label'],
        [*points.min(0).tolist(), *np.ptp(points, axis=0).tolist()],
        float(values.get('score') or 1),
        band=values.get('band') or '',
    )
