"""Label sets of what was found: complete annotation files, to correct and train on.

Files of COCO and YouTube-VIS, with images or videos, categories and annotations, as the
datasets of this project and labelling tools read them. What an annotation has besides
(``score``, ``track_id``) is extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pycocotools import mask as mask_utils

from uninext.apis.exports.video_tracks import VideoTracks, to_youtube_vis
from uninext.apis.results import Result
from uninext.formats.boxes import xyxy_to_xywh
from uninext.formats.predicted import PredictedImage, PredictedInstance
from uninext.formats.rle import encode_mask

DESCRIPTION = 'Predicted by uninext; not checked by people.'


class _LabelSet:
    """What was found, gathered.

    Args:
        first_id: Of images or videos, and of annotations; those of categories are from
            1.
    """

    SOURCES: ClassVar[str]  # key of the list of images or videos
    RESULT_KEYS: ClassVar[tuple[str, ...]]  # what the result format has of annotations

    def __init__(self, first_id: int = 1) -> None:
        self._first_id = first_id
        self._sources: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories: dict[str, int] = {}

    def to_dict(self) -> dict[str, Any]:
        """The file: ``info``, ``images`` or ``videos``, ``annotations, categories``."""
        return {
            'info': dict(description=DESCRIPTION),
            self.SOURCES: self._sources,
            'annotations': self._annotations,
            'categories': [
                dict(id=i, name=name, supercategory='')
                for name, i in self._categories.items()
            ],
        }

    def results(self) -> list[dict[str, Any]]:
        """The same in the result format; ids of images or videos are the same."""
        return [
            {key: record[key] for key in self.RESULT_KEYS if key in record}
            for record in self._annotations
        ]

    def _begin(self, names: Iterable[str], **source: Any) -> int:
        """Note an image or video and its category names; gives its id."""
        for name in names:
            self._categories.setdefault(name, len(self._categories) + 1)
        number = self._first_id + len(self._sources)
        self._sources.append(dict(id=number, **source))
        return number

    def _annotate(self, record: dict[str, Any], **more: Any) -> None:
        number = self._first_id + len(self._annotations)
        self._annotations.append(dict(id=number, **record, **more, iscrowd=0))


class CocoLabels(_LabelSet):
    """A detection set in COCO format, gathered image by image.

    Example:
        >>> labels = CocoLabels()                          # doctest: +SKIP
        >>> for result in find('photos', categories='person'):
        ...     labels.add(result, Path(result.path).name)
        >>> Path('labels.json').write_text(json.dumps(labels.to_dict()))
    """

    SOURCES = 'images'
    RESULT_KEYS = ('image_id', 'category_id', 'bbox', 'score', 'segmentation')

    def add(self, result: Result, file_name: str) -> None:
        """Take an image; its file name is seen from the folder of the images."""
        self.add_image(predicted_image(result, file_name), result.categories)

    def add_image(self, image: PredictedImage, names: Iterable[str]) -> None:
        """Take an image, and the names that were asked for in it."""
        sizes = dict(height=image.height, width=image.width)
        image_id = self._begin(names, file_name=image.file_name, **sizes)
        for instance in image.instances:
            record = dict(
                image_id=image_id,
                category_id=self._categories[instance.label],
                bbox=instance.box_xywh,
                score=instance.score,
            )
            if instance.mask is not None:
                record['segmentation'] = instance.mask
            if instance.track_id is not None:
                record['track_id'] = instance.track_id
            if instance.band:
                record['band'] = instance.band
            self._annotate(record, area=_area(instance.box_xywh, instance.mask))


class VideoLabels(_LabelSet):
    """A set of videos in the layout of YouTube-VIS, gathered video by video."""

    SOURCES = 'videos'
    RESULT_KEYS = ('video_id', 'category_id', 'score', 'bboxes', 'segmentations')

    def add(
        self,
        tracks: VideoTracks,
        name: str,
        file_names: Sequence[str],
        names: Iterable[str] = (),
        bands: Mapping[int, str] | None = None,
    ) -> None:
        """Take a video.

        Args:
            tracks: What was found.
            name: Of the video.
            file_names: Of its frames, seen from the folder of the set.
            names: Categories that come first, whether they were found or not.
            bands: Id of a track -> how sure it is, which is written; or none.

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
        height, width = tracks.size_hw
        video_id = self._begin(
            (*names, *tracks.categories),
            name=name,
            file_names=list(file_names),
            length=len(file_names),
            height=height,
            width=width,
        )
        records = to_youtube_vis(tracks, video_id, self._categories)
        for track_id, record in zip(sorted(tracks.tracks), records):
            boxes = record['bboxes']
            masks = record.get('segmentations', [None] * len(boxes))
            areas = [box and _area(box, mask) for box, mask in zip(boxes, masks)]
            more = dict(band=bands[track_id]) if bands else {}
            self._annotate(record, track_id=track_id, areas=areas, **more)


def predicted_image(result: Result, file_name: str) -> PredictedImage:
    """What was found in an image, without the image itself."""
    height, width = result.image.shape[:2]
    instances = [
        PredictedInstance(
            label,
            box,
            score,
            None if result.masks is None else encode_mask(result.masks[i]),
            None if result.track_ids is None else int(result.track_ids[i]),
        )
        for i, (label, box, score) in enumerate(
            zip(
                result.labels,
                xyxy_to_xywh(result.boxes_xyxy).tolist(),
                result.scores.astype(float).tolist(),
            )
        )
    ]
    return PredictedImage(file_name, height, width, tuple(instances))


def to_coco_labels(results: Sequence[Result], file_names: Sequence[str]) -> dict:
    """A detection set in COCO format; see :class:`CocoLabels`.

    Args:
        results: A result for each image.
        file_names: A name for each image, from the folder that they lie in.

    Raises:
        ValueError: If there are not as many names as results.
    """
    if len(results) != len(file_names):
        raise ValueError(
            f'There are {len(results)} results and {len(file_names)} file names; give '
            'a name for each.'
        )
    labels = CocoLabels()
    for result, file_name in zip(results, file_names):
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


def _area(box_xywh: list[float], mask: dict | None) -> float:
    """Square pixels of the mask, else of the box."""
    return float(mask_utils.area(mask) if mask else box_xywh[2] * box_xywh[3])
