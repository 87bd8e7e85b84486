"""Exact labels of a video: masks, boxes, visibility and expressions of every object.

A :class:`LabelledVideo` is made of painted frames. Everything is of the visible parts.

Shape legend: T frames, K objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

from uninext.formats.rle import rle_as_json
from uninext.shapes.expressions import Expression, Facts, describe
from uninext.shapes.painting import write_jpeg
from uninext.shapes.videos import Frame, VideoScene, draw_video, render

MIN_PIXELS = 6  # less of an object is no label: nobody could point at it
MIN_SHARE = 0.08  # of its whole area


@dataclass(frozen=True)
class Track:
    """An object over the frames of a video.

    Attributes:
        id: From 1, the same in all frames, also after it was away.
        words: ``category, color, size, texture``.
        boxes_xywh: T tight boxes in whole pixels; None where it is not visible.
        masks: T compressed RLE of the visible part; None where it is not visible.
        visibility: (T,) share of the whole object that is seen, 0 to 1.
        outside: (T,) bool, True where it is not visible and too little of it lies in
            the image; where it is not visible and False, others hide it.
        expressions: That mean it alone.
    """

    id: int
    words: dict[str, str]
    boxes_xywh: tuple[list[int] | None, ...]
    masks: tuple[dict[str, Any] | None, ...]
    visibility: np.ndarray
    outside: np.ndarray
    expressions: tuple[Expression, ...] = ()

    @property
    def visible(self) -> np.ndarray:
        """(T,) bool, True where the object is labelled."""
        return np.array([box is not None for box in self.boxes_xywh])


@dataclass(frozen=True)
class LabelledVideo:
    """A video on disk and what is known of it.

    Attributes:
        name: Of the video.
        frames: T paths.
        size_wh: Width and height, pixels.
        tracks: Of the objects that are seen at all.
    """

    name: str
    frames: tuple[Path, ...]
    size_wh: tuple[int, int]
    tracks: tuple[Track, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def has_twin(self, track: Track) -> bool:
        """Whether another object looks the same: a template cannot tell them apart."""
        return [other.words for other in self.tracks].count(track.words) > 1

    def target(self) -> Track | None:
        """What is to be tracked if it is one object: clearly seen at the start.

        Among those without a twin, one with a distractor of its category, then the one
        that is seen most. None if no such object is seen in the first frame.
        """
        kinds = [track.words['category'] for track in self.tracks]
        return max(
            (t for t in self.tracks if t.visible[0] and not self.has_twin(t)),
            key=lambda t: (
                t.visibility[0] > 0.7,
                kinds.count(t.words['category']) > 1,
                float(t.visibility.mean()),
            ),
            default=None,
        )


def generate_video(
    rng: np.random.Generator,
    folder: Path,
    size_wh: tuple[int, int] = (320, 240),
    length: int = 24,
    num_objects: tuple[int, int] = (3, 6),
    hand_camera: bool = True,
) -> LabelledVideo:
    """Draw a video, write its frames and label it; arguments of :func:`draw_video`.

    ``00000.jpg, 00001.jpg, ...`` go to ``folder``, whose name is the video's.

    Raises:
        ValueError: As :func:`draw_video` does.
        OSError: If a frame cannot be written.
    """
    scene = draw_video(rng, size_wh, length, num_objects, hand_camera)
    folder.mkdir(parents=True, exist_ok=True)
    paths, columns = [], []
    for index, frame in enumerate(render(scene)):
        paths.append(folder / f'{index:05d}.jpg')
        write_jpeg(paths[-1], frame.image)
        columns.append(_label_frame(frame))
    tracks = _label_tracks(scene, columns, rng)
    return LabelledVideo(folder.name, tuple(paths), size_wh, tracks)


def _label_tracks(
    scene: VideoScene, columns: Sequence[list[tuple]], rng: np.random.Generator
) -> tuple[Track, ...]:
    """The objects that are visible at least once, from the labels of the frames."""
    tracks, paths = [], []
    for k, obj in enumerate(scene.objects):
        boxes, masks, visibility, outside = zip(*(column[k] for column in columns))
        arrays = np.array(visibility), np.array(outside)
        if any(box is not None for box in boxes):
            tracks.append(Track(k + 1, obj.words, boxes, masks, *arrays))
            paths.append(obj.path)
    facts = Facts(
        size=min(scene.size_wh),
        words=tuple(track.words for track in tracks),
        centers=np.stack([_box_centers(track) for track in tracks]),
        paths=tuple(paths),
    )
    return tuple(
        replace(track, expressions=tuple(describe(facts, k, rng)))
        for k, track in enumerate(tracks)
    )


def _label_frame(frame: Frame) -> list[tuple]:
    """``box, mask, visibility, outside`` of each object."""
    number = len(frame.areas)
    stack = frame.owners[..., None] == np.arange(1, number + 1, dtype=np.uint8)
    rles = mask_utils.encode(np.asfortranarray(stack, dtype=np.uint8))
    pixels = mask_utils.area(rles)
    boxes = mask_utils.toBbox(rles).astype(int).tolist()
    labels = []
    for k, rle in enumerate(rles):
        least = max(MIN_PIXELS, MIN_SHARE * frame.areas[k])
        if pixels[k] < least:
            labels.append((None, None, 0.0, bool(frame.inside[k] < least)))
            continue
        seen = float(pixels[k] / frame.areas[k])
        labels.append((boxes[k], rle_as_json(rle), seen, False))
    return labels


def _box_centers(track: Track) -> np.ndarray:
    """(T, 2) xy, pixels; NaN where the object is not visible."""
    boxes = np.array([box or [np.nan] * 4 for box in track.boxes_xywh], float)
    return boxes[:, :2] + boxes[:, 2:] / 2
