"""What was predicted so far: a file of lines that a kill cannot damage.

The first line says what was asked for, each that follows is a whole image or video. A
line that a kill cut off is dropped when the file is opened again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from uninext.apis.exports.video_tracks import Sighting, Track, VideoTracks
from uninext.formats.errors import DatasetError
from uninext.formats.predicted import PredictedImage, PredictedInstance
from uninext.utils.files import FileError

NAME = 'predictions.jsonl'
VERSION = 1


@dataclass(frozen=True)
class FoundImage:
    """An image of the journal.

    Attributes:
        path: Absolute.
        root: Absolute; of its source.
        image: What was found; its file name is not told yet.
        thumbnail: File below the output folder.
    """

    path: str
    root: str
    image: PredictedImage
    thumbnail: str


@dataclass(frozen=True)
class FoundVideo:
    """A video of the journal.

    Attributes:
        path: Absolute; a file, or a folder of frames.
        root: Absolute; of its source.
        name: Of its own among the videos.
        fps: Frames a second.
        tracks: What was found.
        thumbnails: Frame from 0 -> file below the output folder.
    """

    path: str
    root: str
    name: str
    fps: float
    tracks: VideoTracks
    thumbnails: dict[int, str] = field(default_factory=dict)


class Journal:
    """The file of a run; use it in a ``with`` block, which no other process shares.

    Args:
        folder: Where the file is, or will be.
        asked: What is asked for: names and texts that JSON knows.
        floor: Predictions of a lower score are not kept.

    Attributes:
        floor: That of the first run, which holds for the next ones.
        units: Path -> what was found there.

    Raises:
        ValueError: If the folder was made for something else, or another process works
            there.
        FileError: If it cannot be written.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any], floor: float) -> None:
        self.path = folder / NAME
        self.asked, self.floor = dict(asked), floor
        self.units: dict[str, FoundImage | FoundVideo] = {}

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path.with_suffix('.lock'))
            self._lock.acquire(timeout=0)
            self._file = self.path.open('a+b', buffering=0)
        except Timeout:
            raise ValueError(
                f'Another process writes labels to {self.path.parent}. Wait for it, or '
                'give another --out.'
            ) from None
        except OSError as error:
            raise FileError(
                f'{self.path} cannot be written: {error.strerror}. Give another --out.'
            ) from error
        try:
            self._read()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lock.release()

    def add(self, unit: FoundImage | FoundVideo) -> None:
        """Keep a unit; from here on no kill can lose it.

        Raises:
            FileError: If there is no room; what was kept before is there.
        """
        self._append(_record(unit))
        self.units[unit.path] = unit

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        end = content.rfind(b'\n') + 1
        self._file.truncate(end)  # a line that a kill cut off
        lines = content[:end].splitlines()
        if not lines:
            head = dict(uninext_labels=VERSION, floor=self.floor, asked=self.asked)
            self._append(head)
            return
        try:
            head = json.loads(lines[0])
            before, floor = head['asked'], head['floor']
            for line in lines[1:]:
                unit = _unit(json.loads(line))
                self.units[unit.path] = unit
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f'{self.path} is damaged ({error!r:.80}). Give another --out.'
            ) from None
        for key in sorted({*before, *self.asked}):
            if before.get(key) != self.asked.get(key):
                raise ValueError(
                    f'{self.path.parent} was labelled with {key} '
                    f'{before.get(key)!r:.120}, and now {self.asked.get(key)!r:.120} '
                    'is asked for. Give another --out, or the same command.'
                )
        if self.floor < floor:
            raise ValueError(
                f'{self.path.parent} was labelled with --review {floor:g}, and what is '
                f'below was not kept; got {self.floor:g}. Give another --out, or '
                f'--review {floor:g} or higher.'
            )
        self.floor = floor

    def _append(self, record: Mapping[str, Any]) -> None:
        start = self._file.seek(0, 2)
        content = json.dumps(record).encode() + b'\n'
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            self._file.truncate(start)
            raise FileError(
                f'{self.path} could not be written: {error.strerror}. Make room, and '
                'give the same command again: it goes on.'
            ) from error


def _record(unit: FoundImage | FoundVideo) -> dict[str, Any]:
    common = dict(path=unit.path, root=unit.root)
    if isinstance(unit, FoundImage):
        image = unit.image
        instances = [[i.label, i.box_xywh, i.score, i.mask] for i in image.instances]
        sizes = dict(height=image.height, width=image.width)
        return dict(common, **sizes, instances=instances, thumbnail=unit.thumbnail)
    tracks = unit.tracks
    objects = {
        number: dict(
            prompt=track.prompt,
            labels=dict(track.label_scores),
            sightings={frame: [*seen] for frame, seen in track.sightings.items()},
        )
        for number, track in tracks.tracks.items()
    }
    more = dict(num_frames=tracks.num_frames, size_hw=tracks.size_hw, tracks=objects)
    more.update(categories=tracks.categories, thumbnails=unit.thumbnails)
    return dict(common, name=unit.name, fps=unit.fps, **more)


def _unit(record: Mapping[str, Any]) -> FoundImage | FoundVideo:
    common = record['path'], record['root']
    if 'instances' in record:
        instances = tuple(PredictedInstance(*one) for one in record['instances'])
        image = PredictedImage('', record['height'], record['width'], instances)
        return FoundImage(*common, image, record['thumbnail'])
    tracks = VideoTracks()
    tracks.num_frames, tracks.categories = record['num_frames'], record['categories']
    tracks.size_hw = tuple(record['size_hw'])
    for number, one in record['tracks'].items():
        seen = {int(k): Sighting(*v) for k, v in one['sightings'].items()}
        tracks.tracks[int(number)] = Track(one['prompt'], seen, one['labels'])
    thumbnails = {int(k): name for k, name in record['thumbnails'].items()}
    return FoundVideo(*common, record['name'], record['fps'], tracks, thumbnails)
