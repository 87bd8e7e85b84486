"""Objects as Label Studio's JSON: tasks with predictions, and what people made of them.

Source: Label Studio's documentation of tasks, ``RectangleLabels``, ``PolygonLabels``
and ``VideoRectangle``. Places are percent of the sides of an image; frames of a video
are from 1. A mask is a polygon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from uninext.formats.coco import fault_of
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import is_finite
from uninext.formats.outlines import outline_of
from uninext.formats.predicted import PredictedImage, PredictedInstance

# Names of the parts of a project's labeling interface; label_config writes them.
IMAGE, BOX, POLYGON = 'image', 'box', 'polygon'
VIDEO, LABEL = 'video', 'label'
RECTANGLE_LABELS, POLYGON_LABELS = 'rectanglelabels', 'polygonlabels'
VIDEO_RECTANGLE = 'videorectangle'
WHOLE = 100  # percent
_SIDES = ('x', 'y', 'width', 'height')

Region = dict[str, Any]


def label_config(names: Sequence[str], is_video: bool = False, fps: float = 25) -> str:
    """The labeling interface of a project, XML.

    Args:
        names: Of the categories.
        is_video: Whether its tasks are videos; else images.
        fps: Of the videos.
    """
    view = ElementTree.Element('View')
    if is_video:
        data = dict(name=VIDEO, value=f'${VIDEO}', framerate=f'{fps:g}')
        tags = {LABEL: 'Labels'}
    else:
        data = dict(name=IMAGE, value=f'${IMAGE}')
        tags = {BOX: 'RectangleLabels', POLYGON: 'PolygonLabels'}
    ElementTree.SubElement(view, 'Video' if is_video else 'Image', data)
    for name, tag in tags.items():
        given = dict(name=name, toName=data['name'])
        parent = ElementTree.SubElement(view, tag, given)
        for category in names:
            ElementTree.SubElement(parent, 'Label', value=category)
    if is_video:
        ElementTree.SubElement(view, 'VideoRectangle', name=BOX, toName=VIDEO)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding='unicode') + '\n'


def image_regions(image: PredictedImage) -> list[Region]:
    """Regions of the objects of an image."""
    return [
        _image_region(image, number, instance)
        for number, instance in enumerate(image.instances)
    ]


def track_region(
    number: int | str,
    label: str,
    boxes_xywh: Mapping[int, Sequence[float]],
    size_wh: tuple[int, int],
    num_frames: int,
    fps: float,
    score: float | None = None,
) -> Region:
    """Region of an object through a video.

    Every frame where it is is a keyframe; the last before a pause is not ``enabled``,
    so that nothing is interpolated over it.

    Args:
        number: Of the region, unique in its task.
        label: Name of the category.
        boxes_xywh: Frame from 0 -> box in pixels.
        size_wh: Of the frames, pixels.
        num_frames: Of the video.
        fps: Frames a second.
        score: Of the track, in 0..1.
    """
    sequence = []
    for frame, box in sorted(boxes_xywh.items()):
        goes_on = frame + 1 in boxes_xywh
        place = dict(frame=frame + 1, time=(frame + 1) / fps, enabled=goes_on)
        sequence.append(dict(place, rotation=0, **_shares(box, size_wh)))
    value = dict(
        framesCount=num_frames,
        duration=num_frames / fps,
        sequence=sequence,
        labels=[label],
    )
    region = _region(number, VIDEO_RECTANGLE, BOX, VIDEO, value)
    return region if score is None else dict(region, score=score)


def prediction(regions: Sequence[Region], model_version: str) -> dict[str, Any]:
    """A prediction: its score is that of the region that is least sure."""
    scores = [region['score'] for region in regions if 'score' in region]
    return dict(
        model_version=model_version, score=min(scores, default=1.0), result=[*regions]
    )


def read_image_regions(
    regions: Sequence[Region], file_name: str = ''
) -> PredictedImage | None:
    """What regions of an image show; polygons become the boxes around them.

    Args:
        regions: ``result`` of an annotation or prediction.
        file_name: Of the image.

    Returns:
        The image; None without a region, which alone tells its size.

    Raises:
        DatasetError: If a region is neither rectangle nor polygon, or damaged.
    """
    instances, size_wh = [], (0, 0)
    for region in regions:
        keys = 'type', 'value', 'original_width', 'original_height'
        if fault := fault_of(region, keys):
            raise DatasetError(f'A region of {file_name or "a task"}{" ".join(fault)}.')
        kind, value = region['type'], region['value']
        size_wh = region['original_width'], region['original_height']
        if kind == RECTANGLE_LABELS and all(is_finite(value.get(s)) for s in _SIDES):
            box = box_of(value, size_wh)
        elif kind == POLYGON_LABELS and len(value.get('points', ())) > 2:
            points = np.array(value['points'], dtype=float) * size_wh / WHOLE
            box = [*points.min(0).tolist(), *np.ptp(points, axis=0).tolist()]
        else:
            raise DatasetError(
                f'A region of {file_name or "a task"} is {kind!r}; expected '
                f'{RECTANGLE_LABELS} with {", ".join(_SIDES)}, or {POLYGON_LABELS} '
                'with points.'
            )
        labels = value.get(kind) or ['']
        instances.append(PredictedInstance(labels[0], box, region.get('score', 1.0)))
    if not instances:
        return None
    return PredictedImage(file_name, size_wh[1], size_wh[0], tuple(instances))


def read_track_region(
    region: Region, size_wh: tuple[int, int]
) -> dict[int, list[float]]:
    """Keyframes of a region of a video: frame from 0 -> box xywh in pixels.

    Raises:
        DatasetError: If it is no region of a video, or damaged.
    """
    sequence = (region.get('value') or {}).get('sequence')
    keys = 'frame', *_SIDES
    if region.get('type') != VIDEO_RECTANGLE or not isinstance(sequence, list):
        raise DatasetError(
            f'Expected a region {VIDEO_RECTANGLE} with a sequence, got '
            f'{region.get("type")!r}.'
        )
    if wrong := [s for s in sequence if not all(is_finite(s.get(k)) for k in keys)]:
        raise DatasetError(
            f'A keyframe must have numbers {", ".join(keys)}, got {wrong[0]!r:.80}.'
        )
    return {place['frame'] - 1: box_of(place, size_wh) for place in sequence}


def box_of(shares: Mapping[str, float], size_wh: tuple[int, int]) -> list[float]:
    """A box xywh in pixels, of percent."""
    return [shares[side] * size_wh[i % 2] / WHOLE for i, side in enumerate(_SIDES)]


def _image_region(
    image: PredictedImage, number: int, instance: PredictedInstance
) -> Region:
    size_wh = image.width, image.height
    outline = outline_of(instance.mask)
    if outline is None:
        kind, name = RECTANGLE_LABELS, BOX
        value = dict(_shares(instance.box_xywh, size_wh), rotation=0)
    else:
        kind, name = POLYGON_LABELS, POLYGON
        value = dict(points=(outline / size_wh * WHOLE).tolist(), closed=True)
    region = _region(number, kind, name, IMAGE, {**value, kind: [instance.label]})
    sizes = dict(original_width=size_wh[0], original_height=size_wh[1])
    return dict(region, **sizes, image_rotation=0, score=instance.score)


def _region(
    number: int | str, kind: str, name: str, of: str, value: dict[str, Any]
) -> Region:
    return dict(
        id=f'uninext{number}',
        type=kind,
        from_name=name,
        to_name=of,
        origin='prediction',
        value=value,
    )


def _shares(box_xywh: Sequence[float], size_wh: tuple[int, int]) -> dict[str, float]:
    return {side: box_xywh[i] / size_wh[i % 2] * WHOLE for i, side in enumerate(_SIDES)}
