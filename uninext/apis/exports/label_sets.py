"""Label sets of what was found: complete annotation files, to correct and train on.

Results enter one by one; COCO's and YouTube-VIS's files leave, with images or videos,
categories and annotations, as the datasets of this project and labelling tools read
them. What an annotation has besides (``score``, ``track_id``) is extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycocotools import mask as mask_utils

from uninext.apis.exports.video_tracks import VideoTracks
from uninext.apis.results import Result

DESCRIPTION = 'Predicted by uninext; not checked by people.'


class CocoLabels:
    """A detection set in COCO format, gathered image by image.

    Example:
        >>> labels = CocoLabels()                          # doctest: +SKIP
        >>> for result in find('photos', categories='person'):
        ...     labels.add(result, Path(result.path).name)
        >>> Path('labels.json').write_text(json.dumps(labels.to_dict()))
    """

    def __init__(self) -> None:
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories: dict[str, int] = {}

    def add(self, result: Result, file_name: str) -> None:
        """Take an image.

        Args:
            result: What was found in it.
            file_name: Where it lies, seen from the folder of the images.
        """
        for name in result.categories:
            self._categories.setdefault(name, len(self._categories) + 1)
        height, width = result.image.shape[:2]
        image_id = len(self._images) + 1
        self._images.append(
            dict(id=image_id, file_name=file_name, height=height, width=width)
        )
        for i, record in enumerate(result.to_coco(image_id, self._categories)):
            *_, w, h = record['bbox']
            area = w * h
            if result.masks is not None:
                area = int(result.masks[i].sum())
            if result.track_ids is not None:
                record['track_id'] = int(result.track_ids[i])
            number = len(self._annotations) + 1
            record = dict(id=number, **record, area=float(area), iscrowd=0)
            self._annotations.append(record)

    def to_dict(self) -> dict[str, Any]:
        """The file: ``info, images, annotations, categories``."""
        return dict(
            info=dict(description=DESCRIPTION),
            images=self._images,
            annotations=self._annotations,
            categories=_categories(self._categories),
        )

    def results(self) -> list[dict[str, Any]]:
        """The same in COCO's result format; image ids are those of :meth:`to_dict`."""
        keys = ('image_id', 'category_id', 'bbox', 'score', 'segmentation')
        return [{k: a[k] for k in keys if k in a} for a in self._annotations]


class VideoLabels:
    """A set of videos in the layout of YouTube-VIS, gathered video by video."""

    def __init__(self) -> None:
        self._videos: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories: dict[str, int] = {}

    def add(self, tracks: VideoTracks, name: str, file_names: Sequence[str]) -> None:
        """Take a video.

        Args:
            tracks: Of all its frames.
            name: Of the video.
            file_names: Where its frames lie, seen from the folder of the set.

        Raises:
            ValueError: If there is not a file for every frame.
        """
        if len(file_names) != tracks.num_frames:
            raise ValueError(
                f'The video {name} has {tracks.num_frames} frames and '
                f'{len(file_names)} files; give one file for each frame.'
            )
        if not file_names:
            return
        for category in tracks.categories:
            self._categories.setdefault(category, len(self._categories) + 1)
        video_id = len(self._videos) + 1
        height, width = tracks.size_hw
        self._videos.append(
            dict(
                id=video_id,
                name=name,
                file_names=list(file_names),
                length=len(file_names),
                height=height,
                width=width,
            )
        )
        records = tracks.youtube_vis(video_id, self._categories)
        for track_id, record in zip(sorted(tracks.tracks), records):
            number = len(self._annotations) + 1
            record = dict(id=number, **record, track_id=track_id, iscrowd=0)
            record['areas'] = [_area(*boxes) for boxes in _by_frame(record)]
            self._annotations.append(record)

    def to_dict(self) -> dict[str, Any]:
        """The file: ``info, videos, annotations, categories``."""
        return dict(
            info=dict(description=DESCRIPTION),
            videos=self._videos,
            annotations=self._annotations,
            categories=_categories(self._categories),
        )

    def results(self) -> list[dict[str, Any]]:
        """The same in the result format of YouTube-VIS."""
        keys = ('video_id', 'category_id', 'score', 'bboxes', 'segmentations')
        return [{k: a[k] for k in keys if k in a} for a in self._annotations]


def to_coco_labels(results: Sequence[Result], file_names: Sequence[str]) -> dict:
    """A detection set in COCO format; see :class:`CocoLabels`.

    Args:
        results: A result for each image.
        file_names: A name for each image, from the folder that they lie in.

    Raises:
        ValueError: If there are not as many names as results.
    """
    labels = CocoLabels()
    for result, file_name in _paired(results, file_names):
        labels.add(result, file_name)
    return labels.to_dict()


def to_youtube_vis_labels(
    results: Sequence[Result], file_names: Sequence[str], name: str = 'video'
) -> dict[str, Any]:
    """A set of one video in the layout of YouTube-VIS; see :class:`VideoLabels`.

    Args:
        results: Of all frames of the video.
        file_names: A name for each frame, from the folder of the set.
        name: Of the video.

    Raises:
        ValueError: If the results are of single images, or there is not a name for
            each of them.
    """
    labels = VideoLabels()
    labels.add(VideoTracks(results), name, file_names)
    return labels.to_dict()


def _paired(results: Sequence[Result], file_names: Sequence[str]) -> zip:
    if len(results) != len(file_names):
        raise ValueError(
            f'There are {len(results)} results and {len(file_names)} file names; give '
            'a name for each.'
        )
    return zip(results, file_names)


def _categories(ids: dict[str, int]) -> list[dict[str, Any]]:
    return [dict(id=i, name=name, supercategory='') for name, i in ids.items()]


def _by_frame(record: dict[str, Any]) -> zip:
    boxes = record['bboxes']
    return zip(boxes, record.get('segmentations', [None] * len(boxes)))


def _area(box: list[float] | None, mask: dict | None) -> float | None:
    if mask is not None:
        return float(mask_utils.area(mask))
    return box and float(box[2] * box[3])
