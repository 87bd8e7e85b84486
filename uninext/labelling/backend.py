"""What Label Studio asks of a model: objects of images, tracks through videos.

A request is JSON as Label Studio sends it, and so is the answer. Files are read from
the disk: of local storage, or what was uploaded to a server on this machine.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from uninext.apis import read_frames
from uninext.apis.exports.label_sets import predicted_image
from uninext.apis.exports.video_tracks import VideoTracks
from uninext.apis.images import read_image
from uninext.apis.results import Result
from uninext.apis.video import read_header
from uninext.formats.boxes import xywh_to_xyxy, xyxy_to_xywh
from uninext.formats.label_studio import (
    RECTANGLE_LABELS,
    VIDEO_RECTANGLE,
    Region,
    box_of,
    image_regions,
    prediction,
    read_track_region,
    track_region,
)
from uninext.labelling.interface import Interface, read_interface
from uninext.labelling.layouts import MODEL_VERSION
from uninext.labelling.served_files import served_file
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.utils.error_origin import is_for_users

DEFAULT_FPS = 25.0  # of a file that does not tell
MOST_BACK = 300  # frames before the one that shows a box, which are held in memory


class Backend:
    """Answers Label Studio; requests take turns.

    Args:
        find: The inferencer.
        files: Folder of local storage: Label Studio's
            ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT``; None: there is none.
        media: Folder ``media`` of Label Studio's own data, for what was uploaded.
        score_thr: Predictions of a lower score are left out.
    """

    def __init__(
        self,
        find: Any,
        files: Path | None = None,
        media: Path | None = None,
        score_thr: float = SCORE_THRESHOLD,
    ) -> None:
        self.find, self.score_thr = find, score_thr
        self._folders = dict(files=files, media=media)
        self._turn = threading.Lock()

    def setup(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Whether a project can be labelled.

        Raises:
            ValueError: If its interface has no place for objects.
        """
        read_interface(request.get('schema', ''))
        return dict(model_version=MODEL_VERSION)

    def predict(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A prediction for each task; of one that is damaged it is empty.

        With ``params.context`` a person has drawn something: a box on an image becomes
        a polygon, one on frames of a video a track.

        Raises:
            ValueError: If the request or the interface is none.
        """
        tasks = request.get('tasks')
        if not isinstance(tasks, list):
            raise ValueError('A request to predict needs a list of tasks.')
        interface = read_interface(request.get('label_config', ''))
        context = (request.get('params') or {}).get('context') or {}
        drawn = context.get('result') or []
        with self._turn:
            return dict(results=[self._task(t, interface, drawn) for t in tasks])

    def _task(
        self, task: Mapping[str, Any], interface: Interface, drawn: Sequence[Region]
    ) -> dict[str, Any]:
        try:
            url = str(task.get('data', {}).get(interface.key, ''))
            path = served_file(url, self._folders)
            find = self._video if interface.is_video else self._image
            regions = interface.fitted(find(path, interface, drawn))
        except ValueError as error:
            if not is_for_users(error):
                raise
            print(f'warning: task {task.get("id")}: {error}', file=sys.stderr)
            regions = []
        return prediction(regions, MODEL_VERSION)

    # ---------------------------------------------------------------------- images

    def _image(
        self, path: Path, interface: Interface, drawn: Sequence[Region]
    ) -> list[Region]:
        image = read_image(path)
        size_wh = image.shape[1::-1]
        boxes = [r for r in drawn if r.get('type') == RECTANGLE_LABELS]
        if boxes:
            xywh = [box_of(region['value'], size_wh) for region in boxes]
            labels = [region['value'][RECTANGLE_LABELS][0] for region in boxes]
            asked = dict(box=xywh_to_xyxy(xywh), categories=None)
        else:
            labels, asked = None, dict(box=None, categories=interface.names)
        given = dict(expression=None, mask=None, score_thr=self.score_thr)
        (result,) = self.find(image, **asked, **given)
        found = predicted_image(result, path.name)
        instances = found.instances
        if labels:
            pairs = zip(instances, result.prompt_ids.tolist())
            instances = tuple(i._replace(label=labels[p]) for i, p in pairs)
        if not interface.takes_polygons:
            instances = tuple(i._replace(mask=None) for i in instances)
        regions = image_regions(
            type(found)(found.file_name, found.height, found.width, instances)
        )
        return [region for region in regions if region['type'] in interface.parts]

    # ---------------------------------------------------------------------- videos

    def _video(
        self, path: Path, interface: Interface, drawn: Sequence[Region]
    ) -> list[Region]:
        fps = read_header(path).fps or DEFAULT_FPS
        shown = [r for r in drawn if r.get('type') == VIDEO_RECTANGLE]
        if shown:
            return [self._tracked(path, region, interface, fps) for region in shown]
        given = dict(expression=None, box=None, mask=None, score_thr=self.score_thr)
        tracks = VideoTracks()
        for result in self.find(
            str(path), categories=interface.names, stream=True, **given
        ):
            tracks.add(result)
        return [
            _region(number, track.label, boxes, tracks, fps, track.score)
            for number, track in sorted(tracks.tracks.items())
            if (boxes := {f: s.box_xywh for f, s in track.sightings.items()})
        ]

    def _tracked(
        self, path: Path, region: Region, interface: Interface, fps: float
    ) -> Region:
        """A region that a person drew on frames, on the others besides.

        It is tracked from its first frame to both ends; on further frames that a person
        drew it is corrected.
        """
        size_wh = next(read_frames(path)).shape[1::-1]
        drawn = read_track_region(region, size_wh)
        if not drawn:
            raise ValueError('The region has no frame with a box.')
        start, num_frames, track_id = min(drawn), 0, 0
        boxes: dict[int, list[float]] = {}
        before: deque[np.ndarray] = deque(maxlen=MOST_BACK + 1)
        tracking = self._show(drawn[start])
        for frame, image in enumerate(read_frames(path)):
            num_frames += 1
            if frame <= start:
                before.append(image)
            if frame < start:
                continue
            if frame > start and frame in drawn:
                tracking.correct(track_id, box=_corners(drawn[frame]))
            result = self._step(tracking, image)
            if frame == start:
                track_id = next(iter(result.track_ids.tolist()), track_id)
            boxes.update(_box_of_target(result, frame))
        for frame, result in self._backwards(before, drawn[start], start):
            boxes.update(_box_of_target(result, frame))
        boxes.update(drawn)
        label = (region['value'].get('labels') or interface.names)[0]
        sizes = VideoTracks()
        sizes.num_frames, sizes.size_hw = num_frames, size_wh[::-1]
        done = _region(region.get('id', 0), label, boxes, sizes, fps)
        return dict(done, id=region.get('id', done['id']))

    def _backwards(
        self, images: Sequence[np.ndarray], box_xywh: list[float], start: int
    ) -> Iterator[tuple[int, Result]]:
        """Track from the last of some frames to the first; that is ``start``."""
        if len(images) > 1:
            tracking = self._show(box_xywh)
            for number, image in enumerate(reversed(images)):
                result = self._step(tracking, image)
                if number:
                    yield start - number, result

    def _show(self, box_xywh: list[float]) -> Any:
        given = dict(categories=None, expression=None, mask=None)
        return self.find.track(box=[_corners(box_xywh)], **given)

    def _step(self, tracking: Any, image: np.ndarray) -> Result:
        return tracking.step(image, dict(target=self.score_thr))


def _corners(box_xywh: list[float]) -> list[float]:
    return xywh_to_xyxy(box_xywh).tolist()


def _box_of_target(result: Result, frame: int) -> dict[int, list[float]]:
    """Frame -> box xywh of the one that is tracked, where it is."""
    boxes = xyxy_to_xywh(result.boxes_xyxy).tolist()
    return {frame: boxes[0]} if boxes else {}


def _region(
    number: int | str,
    label: str,
    boxes_xywh: Mapping[int, Sequence[float]],
    tracks: VideoTracks,
    fps: float,
    score: float | None = None,
) -> Region:
    sizes = tracks.size_hw[::-1], tracks.num_frames, fps
    return track_region(number, label, boxes_xywh, *sizes, score)
