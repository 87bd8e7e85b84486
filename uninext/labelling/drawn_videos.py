"""Videos that people labelled in Label Studio, as a set to train on.

``labels.json`` in the layout of YouTube-VIS, and the frames as images beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from uninext.apis.video import read_header
from uninext.formats.errors import DatasetError
from uninext.formats.label_studio_videos import DrawnVideo, read_video_export
from uninext.formats.youtube_vis import write_video_file
from uninext.labelling.frame_files import frame_file, write_frames
from uninext.labelling.served_files import served_file

LABELS, FRAMES = 'labels.json', 'frames'
# Label Studio counts frames by the duration of the file, that of the sound too.
SLACK_FRAMES, SLACK_SHARE = 2, 0.02


@dataclass(frozen=True)
class DrawnSet:
    """What was written.

    Attributes:
        path: Of the annotation file.
        num_videos: With an object.
        num_frames: Of those.
        num_tracks: Objects.
        left_out: Why tasks are not in it, a line each.
    """

    path: Path
    num_videos: int
    num_frames: int
    num_tracks: int
    left_out: tuple[str, ...] = ()


def write_drawn_videos(
    export: str | Path,
    out: Path,
    files: Path | None = None,
    media: Path | None = None,
) -> DrawnSet:
    """Write what people drew on videos as a set that ``uninext train --data`` reads.

    Args:
        export: "JSON" of a project of videos.
        out: Folder to write to.
        files: Of local storage.
        media: Of Label Studio's own data, for videos that were uploaded.

    Raises:
        DatasetError: See :func:`uninext.formats.label_studio_videos.read_video_export`;
            also if a video has another length than Label Studio counted, or nothing is
            left.
        SourceError: A ValueError, if a video cannot be read.
        ValueError: If a video is not in the folders, or two tasks show it.
        FileError: If something cannot be written.
    """
    drawn, others = read_video_export(export)
    left_out = [f'task {task}: it has no annotation' for task in others]
    left_out += [
        f'task {one.task}: nothing is drawn' for one in drawn if not one.tracks
    ]
    drawn = [one for one in drawn if one.tracks]
    if not drawn:
        raise DatasetError(f'{export} has no video with an object.')
    found = _found(drawn, dict(files=files, media=media))
    names = sorted({track.label for one in drawn for track in one.tracks})
    writer = _Writer(out, names)
    for name, (path, one) in found.items():
        writer.add(name, path, one)
    categories = [dict(id=i, name=name) for i, name in enumerate(names, start=1)]
    write_video_file(writer.videos, writer.tracks, categories, out / LABELS)
    counts = len(writer.videos), writer.num_frames, len(writer.tracks)
    return DrawnSet(out / LABELS, *counts, tuple(left_out))


class _Writer:
    """Gathers records, and writes frames."""

    def __init__(self, out: Path, names: Sequence[str]) -> None:
        self.out, self.ids = out, {name: i for i, name in enumerate(names, start=1)}
        self.videos: list[str] = []
        self.tracks: list[str] = []
        self.num_frames = 0

    def add(self, name: str, path: Path, drawn: DrawnVideo) -> None:
        folder = self.out / FRAMES / name
        num_frames, size_wh = write_frames(path, folder)
        _check_length(path, drawn, num_frames)
        video = dict(
            id=len(self.videos) + 1,
            width=size_wh[0],
            height=size_wh[1],
            length=num_frames,
            file_names=[
                frame_file(folder, frame).relative_to(self.out).as_posix()
                for frame in range(num_frames)
            ],
            name=name,
        )
        self.videos.append(json.dumps(video))
        self.num_frames += num_frames
        for track in drawn.tracks:
            boxes = track.boxes_xywh(num_frames, size_wh)
            record = dict(
                id=len(self.tracks) + 1,
                video_id=video['id'],
                category_id=self.ids[track.label],
                iscrowd=0,
                bboxes=boxes,
            )
            self.tracks.append(json.dumps(record))


def _found(
    drawn: Sequence[DrawnVideo], folders: Mapping[str, Path | None]
) -> dict[str, tuple[Path, DrawnVideo]]:
    """Name of its own -> file and task; before anything is written."""
    found: dict[str, tuple[Path, DrawnVideo]] = {}
    shown: dict[Path, DrawnVideo] = {}
    for one in drawn:
        path = served_file(one.url, folders)
        if path in shown:
            raise ValueError(
                f'Task {shown[path].task} and task {one.task} show {path}. Keep one of '
                'them in the export.'
            )
        shown[path] = one
        name, number = path.stem, 1
        while name in found:
            number += 1
            name = f'{path.stem}-{number}'
        found[name] = path, one
    return found


def _check_length(path: Path, drawn: DrawnVideo, num_frames: int) -> None:
    """Frames that Label Studio counts otherwise have their boxes elsewhere."""
    counted = drawn.num_frames or 0
    if abs(counted - num_frames) > max(SLACK_FRAMES, SLACK_SHARE * num_frames):
        fps = read_header(path).fps
        rate = 'that of the file' if fps is None else f'{fps:g}, that of the file'
        raise DatasetError(
            f'{path} has {num_frames} frames, and task {drawn.task} was labelled as '
            f'{counted}: its boxes are of other frames. Give <Video> in the labeling '
            f'interface the framerate {rate}, and label it again.'
        )
