"""One video with its objects, held compactly.

Shape legend: K objects, T frames.
"""

from __future__ import annotations

import json
import os.path as osp
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

from uninext.formats.coco import valid_segmentation
from uninext.formats.errors import DatasetError
from uninext.formats.mot_text import MAX_ID
from uninext.formats.rle import to_rle
from uninext.formats.youtube_vis import check_length

ABSENT = (np.nan,) * 4
# Of an annotation, for evaluation only: what the benchmark's ground truth says of it;
# whether YouTube-VOS has its category in the training set; areas, one a frame,
# by which YouTube-VIS sorts sizes.
MOT_KEYS = ('object_id', 'considered', 'mot_class')
EVALUATION_KEYS = (*MOT_KEYS, 'is_seen', 'areas')


@dataclass(frozen=True, eq=False)
class VideoAnnotation:
    """All frames of a video and the objects in them.

    Built for being read often from a file: everything that grows with the video is an
    array, and only objects that a frame shows take room. E counts pairs of a frame and
    an object with a box in it, frame by frame, objects in order.

    Attributes:
        video_id: Id of the record.
        folder: What precedes the file names.
        height: Of all frames, in pixels.
        width: Of all frames, in pixels.
        has_masks: Whether the masks of all objects that are not ignored are known.
        evaluation: For each object, what of ``EVALUATION_KEYS`` its annotation has;
            empty unless read for evaluation.
        names: (bytes,) uint8, the file names in UTF-8, end to end.
        name_offsets: (T + 1,) int64, where each begins.
        labels: (K,) int64.
        ids: (K,) int64, unique within the video.
        ignored: (K,) bool, True for crowds.
        frame_offsets: (T + 1,) int64, where each frame begins among the E.
        objects: (E,) int32, position of the object among the K.
        boxes: (E, 4) xyxy in pixels. float32; float64 and neither cut to the frame nor
            left out beyond it if read for evaluation by such boxes.
        counted: (E,) bool, False where the box has no area inside the frame; None if
            all have.
        shown: (T,) bool, True where a frame shows an object that counts, no crowd.
        masks: (bytes,) uint8, JSON of each frame with masks, end to end: for each of
            its objects polygons, RLE or null.
        mask_offsets: (T + 1,) int64, where each frame begins in ``masks``.
    """

    video_id: Any
    folder: str
    height: int
    width: int
    has_masks: bool
    evaluation: Sequence[dict[str, Any]]
    names: np.ndarray
    name_offsets: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    ignored: np.ndarray
    frame_offsets: np.ndarray
    objects: np.ndarray
    boxes: np.ndarray
    counted: np.ndarray | None
    shown: np.ndarray
    masks: np.ndarray
    mask_offsets: np.ndarray

    @classmethod
    def from_records(
        cls,
        video: dict,
        annotations: Sequence[dict],
        labels: Mapping[Any, int],
        folder: str,
        where: str,
        for_evaluation: bool = False,
    ) -> VideoAnnotation:
        """Build it from the records of a file.

        An object counts in a frame where it has a box, and, if its annotation has
        ``segmentations``, a mask there too. Where an annotation has masks but not one
        box, its boxes are made from the masks (some published converters leave them
        out). Boxes without area inside the frame do not count. Objects that count
        nowhere are left out.

        Annotations with ``considered`` (MOTChallenge, BDD100K) have boxes as the
        benchmark labels them: they are cut to the frame for training, and kept for
        evaluation.

        Args:
            video: A record of ``videos``.
            annotations: Those of it.
            labels: Category id -> label; other categories are left out.
            folder: What precedes the file names.
            where: The file, for messages.
            for_evaluation: Keep boxes and keys that only an evaluation needs.

        Raises:
            DatasetError: If lists over frames are not as long as the video, a box is
                not four numbers, an RLE has another size, or ids repeat.
        """
        where = f'{where}: video {video["id"]}'
        length = len(video['file_names'])
        tracks = [
            track
            for position, annotation in enumerate(annotations)
            if annotation['category_id'] in labels
            and (track := _Track(video, annotation, position, where)).counts(
                for_evaluation
            )
        ]
        ids = [track.id for track in tracks]
        if len(set(ids)) < len(ids):
            raise DatasetError(f'{where} has several annotations with one id: {ids}.')
        valued = [track for track in tracks if not track.ignored]
        evaluation: Sequence[dict] = ()
        if for_evaluation and any(track.evaluation for track in tracks):
            evaluation = [track.evaluation for track in tracks]
        raw = for_evaluation and any(track.is_raw for track in tracks)
        names, name_offsets = _joined(
            name.encode('utf-8', 'surrogatepass') for name in video['file_names']
        )
        objects, frame_offsets, boxes, counted = _entries(tracks, length, raw)
        ignored = np.array([track.ignored for track in tracks], dtype=bool)
        counts = np.cumsum(_valued(ignored, objects, counted))
        counts = np.concatenate([[0], counts])[frame_offsets]  # before each frame
        masks, mask_offsets = _joined(_masks_of_frames(tracks, objects, frame_offsets))
        return cls(
            video_id=video['id'],
            folder=folder,
            height=video['height'],
            width=video['width'],
            has_masks=bool(valued) and all(t.masks is not None for t in valued),
            evaluation=evaluation,
            names=names,
            name_offsets=name_offsets,
            labels=np.array([labels[t.category_id] for t in tracks], dtype=np.int64),
            ids=np.array(ids, dtype=np.int64),
            ignored=ignored,
            frame_offsets=frame_offsets,
            objects=objects,
            boxes=boxes,
            counted=counted,
            shown=np.diff(counts) > 0,
            masks=masks,
            mask_offsets=mask_offsets,
        )

    def __len__(self) -> int:
        return len(self.frame_offsets) - 1

    @property
    def presence(self) -> np.ndarray:
        """(K, T) bool, True where an object that is not ignored counts."""
        presence = np.zeros((len(self.ids), len(self)), dtype=bool)
        valued = _valued(self.ignored, self.objects, self.counted)
        frames = np.repeat(np.arange(len(self)), np.diff(self.frame_offsets))
        presence[self.objects[valued], frames[valued]] = True
        return presence

    @cached_property
    def num_shown(self) -> np.ndarray:
        """(K,) int64, the frames in which an object counts; 0 for crowds."""
        valued = _valued(self.ignored, self.objects, self.counted)
        return np.bincount(self.objects[valued], minlength=len(self.ids))

    @cached_property
    def first_shown(self) -> np.ndarray:
        """(K,) int64, the first frame in which an object counts; T if in none."""
        first = np.full(len(self.ids), len(self))
        valued = _valued(self.ignored, self.objects, self.counted)
        places = np.flatnonzero(valued)[::-1]  # the earliest is written last
        frames = np.searchsorted(self.frame_offsets, places, side='right') - 1
        first[self.objects[places]] = frames
        return first

    def path(self, index: int) -> str:
        """Path of a frame."""
        start, end = self.name_offsets[index : index + 2]
        name = self.names[start:end].tobytes().decode('utf-8', 'surrogatepass')
        return osp.join(self.folder, name)

    def frame(self, index: int) -> dict[str, Any]:
        """Give a frame as the transforms take an image.

        Returns:
            ``img_path, height, width, frame_id, has_masks, instances``; each instance
            has ``bbox`` (xyxy in pixels), ``bbox_label``, ``ignore_flag``,
            ``instance_id`` and, where known, ``mask`` (polygons or RLE); read for
            evaluation also those of ``EVALUATION_KEYS`` that its annotation has.

        Raises:
            IndexError: If there is no such frame.
        """
        if not 0 <= index < len(self):
            raise IndexError(
                f'Video {self.video_id} has {len(self)} frames, there is no {index}.'
            )
        start, end = self.frame_offsets[index : index + 2]
        objects, boxes = self.objects[start:end].tolist(), self.boxes[start:end]
        packed = self.masks[slice(*self.mask_offsets[index : index + 2])].tobytes()
        masks = json.loads(packed) if packed else [None] * len(objects)
        instances = []
        for k, box, mask in zip(objects, boxes.tolist(), masks):
            instance = dict(
                bbox=box,
                bbox_label=int(self.labels[k]),
                ignore_flag=int(self.ignored[k]),
                instance_id=int(self.ids[k]),
            )
            if mask is not None:
                instance['mask'] = mask
            if self.evaluation:
                instance.update(self.evaluation[k])
            instances.append(instance)
        return dict(
            img_path=self.path(index),
            height=self.height,
            width=self.width,
            frame_id=index,
            instances=instances,
            has_masks=self.has_masks,
        )


class _Track:
    """An annotation, checked: boxes (T, 4) xyxy and a list of T masks or None."""

    def __init__(self, video: dict, annotation: dict, position: int, where: str):
        self.id = annotation.get('id', position)
        self.category_id = annotation['category_id']
        self.ignored = bool(annotation.get('iscrowd', 0) or annotation.get('ignore', 0))
        where = f'{where}, annotation {self.id}'
        if not isinstance(self.id, int) or abs(self.id) > MAX_ID:
            raise DatasetError(
                f'{where}: expected a whole number as id, {MAX_ID:,} at most.'
            )
        length, size = len(video['file_names']), (video['height'], video['width'])
        self.masks = _masks(annotation, length, size, where)
        self.boxes = _boxes(annotation, length, where)
        if np.isnan(self.boxes).all() and self.masks is not None:
            self.boxes = _boxes_of_masks(self.masks, size)
        self.is_raw = 'considered' in annotation
        keys = [
            key
            for key in EVALUATION_KEYS
            if key in annotation and (self.is_raw or key not in MOT_KEYS)
        ]
        self.evaluation = {key: annotation[key] for key in keys}
        self.raw_boxes = self.boxes.copy() if self.is_raw else self.boxes
        _drop_invisible(self.boxes, size)
        if self.is_raw:
            self.boxes.clip(0, size[::-1] * 2, out=self.boxes)
        if self.masks is not None:
            absent = [mask is None for mask in self.masks]
            self.boxes[absent] = self.raw_boxes[absent] = np.nan

    def counts(self, for_evaluation: bool) -> bool:
        """Whether it has a box in any frame."""
        boxes = self.raw_boxes if for_evaluation else self.boxes
        return not np.isnan(boxes).all()


def _masks(annotation: dict, length: int, size: tuple, where: str) -> list | None:
    listed = annotation.get('segmentations')
    if listed is None:
        return None
    check_length(listed, 'segmentations', length, where)
    masks = [valid_segmentation(entry) for entry in listed]
    for index, mask in enumerate(masks):
        if isinstance(mask, dict) and tuple(mask['size']) != size:
            raise DatasetError(
                f'{where}: the mask of frame {index} has the size {mask["size"]} '
                f'(height, width), its video {list(size)}. Correct one of them.'
            )
    return masks


def _boxes(annotation: dict, length: int, where: str) -> np.ndarray:
    """(T, 4) float64, xyxy, NaN where there is none."""
    listed = annotation.get('bboxes')
    if listed is None:
        if annotation.get('segmentations') is None:
            raise DatasetError(
                f"{where} has neither 'bboxes' nor 'segmentations'; expected a list "
                f'with an entry (or null) for each of the {length} frames.'
            )
        return np.full((length, 4), np.nan)
    check_length(listed, 'bboxes', length, where)
    try:
        boxes = np.array([box or ABSENT for box in listed], dtype=np.float64)
        boxes = boxes.reshape(length, 4)
    except (TypeError, ValueError, OverflowError):
        boxes = np.full((length, 4), np.inf)
    if np.isinf(boxes).any():
        raise DatasetError(
            f"{where}: 'bboxes' must hold four finite numbers [x, y, width, height] in "
            'pixels, or null, for every frame.'
        )
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _boxes_of_masks(masks: Sequence[list | dict | None], size: tuple) -> np.ndarray:
    boxes = np.full((len(masks), 4), np.nan)
    for index, mask in enumerate(masks):
        if mask is not None:
            boxes[index] = mask_utils.toBbox(to_rle(mask, *size))
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _drop_invisible(boxes: np.ndarray, size: tuple) -> None:
    """Make boxes without area, or outside the frame, NaN; in place."""
    height, width = size
    x1, y1, x2, y2 = boxes.T
    inside_w = np.minimum(x2, width) - np.maximum(x1, 0)
    inside_h = np.minimum(y2, height) - np.maximum(y1, 0)
    boxes[~((inside_w > 0) & (inside_h > 0))] = np.nan  # false for NaN too


def _entries(
    tracks: Sequence[_Track], length: int, raw: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """``objects``, ``frame_offsets``, ``boxes`` and ``counted`` of a video."""
    chosen = [track.raw_boxes if raw else track.boxes for track in tracks]
    places = [np.flatnonzero(~np.isnan(boxes[:, 0])) for boxes in chosen]
    frames = np.concatenate([np.empty(0, dtype=np.int64), *places])
    order = np.argsort(frames, kind='stable')  # objects of a frame stay in order
    objects = np.repeat(np.arange(len(tracks), dtype=np.int32), list(map(len, places)))
    boxes = np.concatenate(
        [np.empty((0, 4)), *(boxes[at] for boxes, at in zip(chosen, places))]
    )
    counted = None
    if raw:
        inside = [~np.isnan(t.boxes[at, 0]) for t, at in zip(tracks, places)]
        counted = np.concatenate([np.empty(0, dtype=bool), *inside])[order]
    offsets = np.searchsorted(frames[order], np.arange(length + 1))
    boxes = boxes[order].astype(np.float64 if raw else np.float32)
    return objects[order], offsets, boxes, counted


def _valued(
    ignored: np.ndarray, objects: np.ndarray, counted: np.ndarray | None
) -> np.ndarray:
    """(E,) bool, True where the box counts and its object is not ignored."""
    valued = ~ignored[objects]
    return valued if counted is None else valued & counted


def _masks_of_frames(
    tracks: Sequence[_Track], objects: np.ndarray, offsets: np.ndarray
) -> Iterator[bytes]:
    """JSON of the masks of each frame; nothing for one without masks."""
    if all(track.masks is None for track in tracks):
        yield from [b''] * (len(offsets) - 1)
        return
    for index, (start, end) in enumerate(zip(offsets[:-1], offsets[1:])):
        listed = [tracks[k].masks for k in objects[start:end].tolist()]
        masks = [of_track and of_track[index] for of_track in listed]
        some = any(mask is not None for mask in masks)
        yield json.dumps(masks).encode() if some else b''


def _joined(parts: Iterable[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Pieces end to end, uint8, and where each begins and the last ends, int64."""
    parts = list(parts)
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return np.frombuffer(b''.join(parts), dtype=np.uint8), offsets
