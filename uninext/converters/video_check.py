"""Check a video annotation file before a training finds out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from uninext.converters.report import progress_bar
from uninext.converters.video_json import VideoConversion, image_size
from uninext.formats.coco import valid_segmentation
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import read_json

TOLERANCE = 1.0  # pixels by which a box may leave the frame: half-pixel conventions


class VideoCheck:
    """Checks of one file; :attr:`found` counts what is wrong and names the first.

    Args:
        path: JSON to check.
        images: Folder below which the frames are; None checks no frame.
        progress: Show a progress bar in a terminal.

    Raises:
        DatasetError: If the file is no video JSON at all.
    """

    def __init__(
        self, path: Path, images: Path | None = None, progress: bool = True
    ) -> None:
        self.found = VideoConversion()
        self.labels: Counter[str] = Counter()
        self._images = images
        self._wrong = self.found.skip
        content = read_json(path)
        if not isinstance(content, dict) or not isinstance(content.get('videos'), list):
            raise DatasetError(
                f'{path} is not a video JSON: expected an object with the lists '
                'videos, annotations and categories, the layout of YouTube-VIS.'
            )
        self._names = {c['id']: c['name'] for c in content.get('categories') or ()}
        self._check_unique(content['videos'], 'videos')
        self._check_unique(content.get('annotations') or [], 'annotations')
        of_video = defaultdict(list)
        for annotation in content.get('annotations') or ():
            of_video[annotation.get('video_id')].append(annotation)
        for video in progress_bar(content['videos'], 'videos', progress):
            self._check_video(video, of_video.pop(video.get('id'), []))
        for video_id, orphans in of_video.items():
            self._wrong('annotation of no video', f'video {video_id}', len(orphans))

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.found.skipped

    def _check_unique(self, records: list[dict], key: str) -> None:
        for record_id, count in Counter(r.get('id') for r in records).items():
            if count > 1:
                self._wrong(f'id that several {key} have', record_id, count - 1)

    def _check_video(self, video: dict[str, Any], annotations: list[dict]) -> None:
        where = f'video {video.get("id")} ({video.get("name", "no name")})'
        names = video.get('file_names')
        lacking = [k for k in ('id', 'width', 'height') if k not in video]
        if not isinstance(names, list) or not names or lacking:
            self._wrong('video without id, size or frames', where)
            return
        self.found.videos += 1
        self.found.frames += len(names)
        self.found.expressions += len(video.get('expressions') or ())
        if video.get('length', len(names)) != len(names):
            self._wrong('video whose length is not its number of frames', where)
        if self._images is not None:
            self._check_frames(video, where)
        for annotation in annotations:
            self._check_annotation(annotation, video)

    def _check_frames(self, video: dict[str, Any], where: str) -> None:
        names = video['file_names']
        absent = [name for name in names if not (self._images / name).is_file()]
        if absent:
            example = self._images / absent[0]
            self._wrong('frame that is not on disk', example, len(absent))
        if absent[:1] == names[:1]:
            return
        size_wh = image_size(self._images / names[0], self.found)
        stated = (video['width'], video['height'])
        if size_wh is not None and size_wh != stated:
            reason = 'video of another size than its first frame'
            self._wrong(reason, f'{where}: {stated}, frame {size_wh}')

    def _check_annotation(self, annotation: dict, video: dict) -> None:
        where = f'annotation {annotation.get("id")} of video {video["id"]}'
        length = len(video['file_names'])
        self.found.objects += 1
        category = annotation.get('category_id')
        if category in self._names:
            self.labels[self._names[category]] += 1
        else:
            self._wrong('annotation of an unknown category', f'{where}: {category}')
        for key in ('bboxes', 'segmentations', 'areas'):
            values = annotation.get(key)
            if values is not None and len(values) != length:
                self._wrong(f'{key} of another length than the video', where)
                return
        boxes = annotation.get('bboxes') or [None] * length
        masks = annotation.get('segmentations') or [None] * length
        if not any(box or mask for box, mask in zip(boxes, masks)):
            self._wrong('object that is visible in no frame', where)
        for frame in range(length):
            place = f'{where}, frame {frame}'
            # MOTChallenge's boxes may leave the frame: they are evaluated as they are
            self._check_box(boxes[frame], video, place, 'considered' in annotation)
            self._check_mask(masks[frame], video, place)

    def _check_box(self, box: Any, video: dict, where: str, raw: bool) -> None:
        if not box:
            return
        self.found.boxes += 1
        if len(box) != 4 or not all(math.isfinite(v) for v in box):
            self._wrong('box that is not four finite numbers', f'{where}: {box}')
            return
        x, y, width, height = box
        if width <= 0 or height <= 0:
            self._wrong('box of no size', f'{where}: {box}')
        elif not raw and (
            min(x, y) < -TOLERANCE
            or x + width > video['width'] + TOLERANCE
            or y + height > video['height'] + TOLERANCE
        ):
            self._wrong('box that leaves the frame', f'{where}: {box}')

    def _check_mask(self, mask: Any, video: dict, where: str) -> None:
        if not mask:
            return
        self.found.masks += 1
        size_hw = [video['height'], video['width']]
        if valid_segmentation(mask) is None:
            self._wrong('mask that is neither polygons nor RLE', where)
        elif isinstance(mask, dict) and mask['size'] != size_hw:
            reason = 'mask of another size than its video'
            self._wrong(reason, f'{where}: {mask["size"]}, not {size_hw}')
