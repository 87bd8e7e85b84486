"""The layouts of label files: what ``--to`` names, and how a set is written in each.

A set is the images and videos of a band. Layouts of images take a video frame by frame.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from uninext.apis.exports import CocoLabels, VideoLabels, to_cvat
from uninext.apis.exports.video_tracks import VideoTracks
from uninext.formats.cvat import cvat_labels, to_cvat_images
from uninext.formats.label_studio import (
    IMAGE,
    VIDEO,
    Region,
    image_regions,
    label_config,
    prediction,
    track_region,
)
from uninext.formats.labelme import to_labelme
from uninext.formats.mot_text import mot_truth_line
from uninext.formats.predicted import PredictedImage
from uninext.formats.yolo import yolo_lines, yolo_names
from uninext.labelling.set_folder import SetFolder
from uninext.version import __version__

MODEL_VERSION = f'uninext {__version__}'
LOCAL_FILES = '/data/local-files/?d='  # how Label Studio serves files of its disk


@dataclass(frozen=True)
class LabelVideo:
    """A video of a set.

    Attributes:
        name: Of its own among the videos.
        file_name: Of the video, from the folder that all files of the set are in.
        fps: Frames a second.
        tracks: Those that are kept.
        bands: Id of a track -> its band.
        frames: A file name for each frame, where the layout needs them.
    """

    name: str
    file_name: str
    fps: float
    tracks: VideoTracks
    bands: Mapping[int, str]
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelSet:
    """What is written.

    Attributes:
        names: Of all categories, in order.
        images: Frames, too, where the layout is one of images.
        videos: Of layouts of videos.
        root: Absolute; folder that file names start from.
    """

    names: Sequence[str]
    images: Sequence[PredictedImage]
    videos: Sequence[LabelVideo]
    root: Path


class Layout(NamedTuple):
    """A layout; ``write`` takes the folder of a set."""

    write: Callable[[SetFolder, LabelSet], None]
    takes_images: bool = True
    takes_videos: bool = True  # else their frames, as images
    needs_frames: bool = False  # as files


def _coco(folder: SetFolder, labels: LabelSet) -> None:
    """``labels.json``, in which a frame is an image."""
    found = CocoLabels()
    for image in labels.images:
        found.add_image(image, labels.names)
    folder.write_json('labels.json', found.to_dict())


def _yolo(folder: SetFolder, labels: LabelSet) -> None:
    """``data.yaml``, ``labels/IMAGE.txt``, and links to the images beside them."""
    numbers = {name: number for number, name in enumerate(labels.names)}
    folder.write_text('data.yaml', yolo_names(labels.names))
    for image in labels.images:
        name = Path('labels', image.file_name).with_suffix('.txt').as_posix()
        folder.write_text(name, yolo_lines(image, numbers))
        folder.link(f'images/{image.file_name}', labels.root / image.file_name)


def _labelme(folder: SetFolder, labels: LabelSet) -> None:
    """``IMAGE.json``, which points to its image."""
    for image in labels.images:
        name = Path(image.file_name).with_suffix('.json')
        parent = (folder.path / name).parent.resolve()
        path = os.path.relpath(labels.root / image.file_name, parent)
        folder.write_json(name.as_posix(), to_labelme(image, Path(path).as_posix()))


def _cvat(folder: SetFolder, labels: LabelSet) -> None:
    """``images.xml`` and ``NAME.xml`` of a video; ``labels.json`` for a new task."""
    folder.write_json('labels.json', cvat_labels(labels.names))
    if labels.images:
        folder.write_text('images.xml', to_cvat_images(labels.images, labels.names))
    for video in labels.videos:
        folder.write_text(f'{video.name}.xml', to_cvat(video.tracks, video.name))


def _label_studio(folder: SetFolder, labels: LabelSet) -> None:
    """Tasks and a labeling interface, of images and of videos: two projects."""
    names = labels.names
    tasks = [_task(IMAGE, i.file_name, image_regions(i)) for i in labels.images]
    if tasks:
        folder.write_json('images.json', tasks)
        folder.write_text('images.xml', label_config(names))
    tasks = [_task(VIDEO, v.file_name, _track_regions(v)) for v in labels.videos]
    if tasks:
        folder.write_json('videos.json', tasks)
        config = label_config(names, is_video=True, fps=labels.videos[0].fps)
        folder.write_text('videos.xml', config)


def _task(kind: str, file_name: str, regions: Sequence[Region]) -> dict:
    url = LOCAL_FILES + file_name
    return dict(data={kind: url}, predictions=[prediction(regions, MODEL_VERSION)])


def _track_regions(video: LabelVideo) -> list[Region]:
    found = video.tracks
    return [
        track_region(
            number,
            track.label,
            {frame: seen.box_xywh for frame, seen in track.sightings.items()},
            found.size_hw[::-1],
            found.num_frames,
            video.fps,
            track.score,
        )
        for number, track in sorted(found.tracks.items())
    ]


def _ytvis(folder: SetFolder, labels: LabelSet) -> None:
    """``labels.json`` in the layout of YouTube-VIS."""
    found = VideoLabels()
    for video in labels.videos:
        found.add(video.tracks, video.name, video.frames, labels.names, video.bands)
    folder.write_json('labels.json', found.to_dict())


def _mot(folder: SetFolder, labels: LabelSet) -> None:
    """``NAME/gt/gt.txt``, ``NAME/gt/labels.txt``, ``NAME/seqinfo.ini``."""
    numbers = {name: number for number, name in enumerate(labels.names, start=1)}
    for video in labels.videos:
        lines = [
            (frame, number, seen.box_xywh, numbers[track.label])
            for number, track in video.tracks.tracks.items()
            for frame, seen in track.sightings.items()
        ]
        texts = [
            mot_truth_line(frame + 1, number + 1, box, label)
            for frame, number, box, label in sorted(lines)
        ]
        height, width = video.tracks.size_hw
        folder.write_text(f'{video.name}/gt/gt.txt', '\n'.join([*texts, '']))
        names = '\n'.join([*labels.names, ''])
        folder.write_text(f'{video.name}/gt/labels.txt', names)
        lengths = f'frameRate={video.fps:g}\nseqLength={video.tracks.num_frames}\n'
        folder.write_text(
            f'{video.name}/seqinfo.ini',
            f'[Sequence]\nname={video.name}\nimDir=img1\n{lengths}'
            f'imWidth={width}\nimHeight={height}\nimExt=.jpg\n',
        )


LAYOUTS = {
    'coco': Layout(_coco, takes_videos=False, needs_frames=True),
    'yolo': Layout(_yolo, takes_videos=False, needs_frames=True),
    'labelme': Layout(_labelme, takes_videos=False, needs_frames=True),
    'cvat': Layout(_cvat),
    'label-studio': Layout(_label_studio),
    'ytvis': Layout(_ytvis, takes_images=False, needs_frames=True),
    'mot': Layout(_mot, takes_images=False),
}
