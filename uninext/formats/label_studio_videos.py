"""Tracks that people drew or corrected, of an export of Label Studio ("JSON").

Source: Label Studio's documentation of tasks and ``VideoRectangle``. A track has boxes
in some frames; between them it moves steadily, and it stays where the last one is. A
keyframe that is not ``enabled`` is the last before a pause. Frames are from 1, places
are percent of the sides of a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import is_finite, read_json
from uninext.formats.label_studio import VIDEO, VIDEO_RECTANGLE, box_of

ADVICE = 'Export the project as "JSON".'
# What people say of a task beside the places of objects.
_NO_OBJECTS = {
    *('choices', 'datetime', 'number', 'pairwise', 'rating', 'relation', 'taxonomy'),
    *('textarea', 'timelinelabels'),
}
_SIDES = ('x', 'y', 'width', 'height')


class Keyframe(NamedTuple):
    """A box that is given.

    Attributes:
        frame: From 0.
        shares: ``x``, ``y``, ``width``, ``height``, percent of the sides of a frame.
        goes_on: Whether the object is there until the next keyframe.
    """

    frame: int
    shares: dict[str, float]
    goes_on: bool


@dataclass(frozen=True)
class DrawnTrack:
    """An object of a video.

    Attributes:
        label: Name of its category.
        keyframes: In the order of frames; at least one.
    """

    label: str
    keyframes: tuple[Keyframe, ...]

    def boxes_xywh(
        self, num_frames: int, size_wh: tuple[int, int]
    ) -> list[list[float] | None]:
        """A box in pixels for each frame, None where the object is not.

        Args:
            num_frames: Of the video; an object that goes on is there to its end.
            size_wh: Of a frame, pixels.
        """
        boxes: list[list[float] | None] = [None] * num_frames
        last = self.keyframes[-1]
        for one, other in pairwise([*self.keyframes, last._replace(frame=num_frames)]):
            start, end = (np.array(box_of(k.shares, size_wh)) for k in (one, other))
            until = other.frame if one.goes_on else one.frame + 1
            for frame in range(one.frame, min(until, num_frames)):
                part = (frame - one.frame) / (other.frame - one.frame)
                boxes[frame] = (start + part * (end - start)).tolist()
        return boxes


@dataclass(frozen=True)
class DrawnVideo:
    """A task that was annotated.

    Attributes:
        task: Its id.
        url: Of the video, as the task has it.
        tracks: What was drawn.
        num_frames: That Label Studio counted; None if nothing was drawn.
    """

    task: Any
    url: str
    tracks: tuple[DrawnTrack, ...]
    num_frames: int | None


def read_video_export(path: str | Path) -> tuple[list[DrawnVideo], list[Any]]:
    """Read the tasks of an export.

    Returns:
        Tasks that were annotated; ids of those that were not, or were skipped.

    Raises:
        DatasetError: If it is no such export, a task has several annotations or shows
            no video, or a region is none of a video, or damaged.
    """
    tasks = read_json(path, ADVICE)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DatasetError(f'{path} is no list of tasks. {ADVICE}')
    drawn, others = [], []
    for number, task in enumerate(tasks, start=1):
        where = f'{path}, task {task.get("id", number)}'
        data, annotations = task.get('data'), task.get('annotations')
        if not isinstance(data, dict) or not isinstance(annotations, list):
            raise DatasetError(
                f'{where} has no data and annotations; "JSON-MIN" is not enough. '
                f'{ADVICE}'
            )
        kept = [a for a in annotations if not _is_cancelled(a, where)]
        if len(kept) > 1:
            raise DatasetError(
                f'{where} has {len(kept)} annotations, and which of them is right is '
                'not known. Delete the others in Label Studio, and export again.'
            )
        if kept:
            drawn.append(_video(task.get('id', number), data, kept[0], where))
        else:
            others.append(task.get('id', number))
    return drawn, others


def _is_cancelled(annotation: Any, where: str) -> bool:
    if not isinstance(annotation, dict) or not isinstance(
        annotation.get('result'), list
    ):
        raise DatasetError(f'{where} has an annotation without a result. {ADVICE}')
    return bool(annotation.get('was_cancelled'))


def _video(
    task: Any, data: dict[str, Any], annotation: dict[str, Any], where: str
) -> DrawnVideo:
    texts = [value for value in data.values() if isinstance(value, str)]
    url = data.get(VIDEO, texts[0] if len(texts) == 1 else None)
    if not isinstance(url, str):
        raise DatasetError(
            f'{where} shows no video: its data are {sorted(data)}. Expected a text '
            f'{VIDEO!r}, or one text alone.'
        )
    tracks, counts = [], set()
    for region in annotation['result']:
        kind = region.get('type') if isinstance(region, dict) else None
        if kind in _NO_OBJECTS:
            continue
        value = region.get('value') if kind == VIDEO_RECTANGLE else None
        if not isinstance(value, dict):
            raise DatasetError(
                f'{where} has a region {kind!r}; expected {VIDEO_RECTANGLE}. Images '
                'are exported as "COCO with images".'
            )
        place = f'{where}, region {region.get("id")}'
        track = _track(value, place)
        count: Any = value.get('framesCount')
        last = track.keyframes[-1].frame + 1
        if not _is_count(count) or count < last:
            raise DatasetError(
                f'{place} has the framesCount {count!r:.40}; expected {last} or more.'
            )
        tracks.append(track)
        counts.add(count)
    if len(counts) > 1:
        raise DatasetError(
            f'{where} has regions of videos of {sorted(counts)} frames; expected one '
            'number.'
        )
    return DrawnVideo(task, url, tuple(tracks), counts.pop() if counts else None)


def _track(value: dict[str, Any], place: str) -> DrawnTrack:
    labels, sequence = value.get('labels'), value.get('sequence')
    if not isinstance(labels, list) or [type(name) for name in labels] != [str]:
        raise DatasetError(
            f'{place} has the labels {labels!r:.60}; expected one. Give it a label in '
            'Label Studio, and export again.'
        )
    if not isinstance(sequence, list) or not sequence:
        raise DatasetError(f'{place} has no sequence of boxes. {ADVICE}')
    keyframes = [_keyframe(one, place) for one in sequence]
    keyframes.sort(key=lambda keyframe: keyframe.frame)
    for one, other in pairwise(keyframes):
        if one.frame == other.frame:
            raise DatasetError(f'{place} has two boxes in frame {one.frame + 1}.')
    return DrawnTrack(labels[0], tuple(keyframes))


def _keyframe(given: Any, place: str) -> Keyframe:
    values: dict[str, Any] = given if isinstance(given, dict) else {}
    frame: Any = values.get('frame')
    goes_on: Any = values.get('enabled')
    shares: dict[str, Any] = {side: values.get(side) for side in _SIDES}
    is_box = all(map(is_finite, shares.values()))
    is_box = is_box and min(shares['width'], shares['height']) > 0
    if not _is_count(frame) or type(goes_on) is not bool or not is_box:
        raise DatasetError(
            f'{place} has the keyframe {given!r:.120}; expected frame from 1, enabled '
            'true or false, and x, y, width, height of a box.'
        )
    if values.get('rotation'):
        raise DatasetError(
            f'{place} is turned by {values["rotation"]!r:.20} degrees in frame '
            f'{frame}; boxes are upright. Draw it anew in Label Studio.'
        )
    return Keyframe(frame - 1, shares, goes_on)


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0
