"""One video with its objects, held compactly.

Shape legend: K objects, T frames.
"""

from __future__ import annotations

import os.path as osp
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

from uninext.formats.coco import valid_segmentation
from uninext.formats.errors import DatasetError
from uninext.formats.rle import to_rle
from uninext.formats.youtube_vis import check_length

SEPARATOR = '\0'  # the one character that no file name holds
ABSENT = (np.nan,) * 4
# Of an annotation, for evaluation only: what the benchmark's ground truth says of it;
# whether YouTube-VOS has its category in the training set; areas, one a frame,
# by which YouTube-VIS sorts sizes.
MOT_KEYS = ('object_id', 'considered', 'mot_class')
EVALUATION_KEYS = (*MOT_KEYS, 'is_seen', 'areas')


@dataclass(frozen=True, eq=False)
class VideoAnnotation:
    """All frames of a video and the objects in them.

    Built for being unpickled often: names are one string, and masks stay packed frame
    by frame until :meth:`frame` asks for them.

    Attributes:
        video_id: Id of the record.
        folder: What precedes the file names.
        joined_names: File names of the T frames, joined by ``SEPARATOR``.
        height: Of all frames, in pixels.
        width: Of all frames, in pixels.
        boxes: (K, T, 4) float32, xyxy in pixels; NaN where an object is absent.
        labels: (K,) int64.
        ids: (K,) int64, unique within the video.
        ignored: (K,) bool, True for crowds.
        has_masks: Whether the masks of all objects that are not ignored are known.
        packed_masks: Pickled ``{k: polygons or RLE}`` of each frame, end to end.
        mask_offsets: (T + 1,) int64, where each frame begins in ``packed_masks``.
        raw_boxes: (K, T, 4) float64 as ``boxes``, neither cut to the frame nor left out
            beyond it; None unless read for evaluation by such boxes.
        evaluation: For each object, what of ``EVALUATION_KEYS`` its annotation has; ()
            unless read for evaluation.
    """

    video_id: Any
    folder: str
    joined_names: str
    height: int
    width: int
    boxes: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    ignored: np.ndarray
    has_masks: bool
    packed_masks: bytes
    mask_offsets: np.ndarray
    raw_boxes: np.ndarray | None = None
    evaluation: tuple[dict[str, Any], ...] = ()

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
        packed, offsets = _pack(tracks, length)
        boxes = [track.boxes for track in tracks]
        valued = [track for track in tracks if not track.ignored]
        raw_boxes, evaluation = None, ()
        if for_evaluation and any(track.evaluation for track in tracks):
            if any(track.is_raw for track in tracks):
                raw_boxes = np.array([track.raw_boxes for track in tracks])
            evaluation = tuple(track.evaluation for track in tracks)
        return cls(
            video_id=video['id'],
            folder=folder,
            joined_names=SEPARATOR.join(video['file_names']),
            height=video['height'],
            width=video['width'],
            boxes=np.array(boxes, dtype=np.float32).reshape(len(tracks), length, 4),
            labels=np.array([labels[t.category_id] for t in tracks], dtype=np.int64),
            ids=np.array(ids, dtype=np.int64),
            ignored=np.array([track.ignored for track in tracks], dtype=bool),
            has_masks=bool(valued) and all(t.masks is not None for t in valued),
            packed_masks=packed,
            mask_offsets=offsets,
            raw_boxes=raw_boxes,
            evaluation=evaluation,
        )

    def __len__(self) -> int:
        return self.boxes.shape[1]

    @property
    def file_names(self) -> list[str]:
        """The T names of the frames, as the file has them."""
        return self.joined_names.split(SEPARATOR)

    @property
    def presence(self) -> np.ndarray:
        """(K, T) bool, True where an object that is not ignored counts."""
        return ~np.isnan(self.boxes[..., 0]) & ~self.ignored[:, None]

    def path(self, index: int) -> str:
        """Path of a frame."""
        return osp.join(self.folder, self.file_names[index])

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
        start, end = self.mask_offsets[index : index + 2]
        masks = pickle.loads(self.packed_masks[start:end]) if end > start else {}
        instances = []
        boxes = self.boxes if self.raw_boxes is None else self.raw_boxes
        for k in np.flatnonzero(~np.isnan(boxes[:, index, 0])).tolist():
            instance = dict(
                bbox=boxes[k, index].tolist(),
                bbox_label=int(self.labels[k]),
                ignore_flag=int(self.ignored[k]),
                instance_id=int(self.ids[k]),
            )
            if k in masks:
                instance['mask'] = masks[k]
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
        if not isinstance(self.id, int):
            raise DatasetError(f'{where}: expected a whole number as id.')
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
    except (TypeError, ValueError):
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


def _pack(tracks: Sequence[_Track], length: int) -> tuple[bytes, np.ndarray]:
    offsets = np.zeros(length + 1, dtype=np.int64)
    if all(track.masks is None for track in tracks):
        return b'', offsets
    frames = []
    for index in range(length):
        masks = {
            k: track.masks[index]
            for k, track in enumerate(tracks)
            if track.masks is not None and track.masks[index] is not None
        }
        frames.append(pickle.dumps(masks, protocol=pickle.HIGHEST_PROTOCOL))
    offsets[1:] = np.cumsum([len(frame) for frame in frames])
    return b''.join(frames), offsets
