"""Everything that a prediction writes, while it runs: results enter, files leave.

A kind of file is a class of ``EXPORTS``; a new one is a class and a line there. Files
are whole or not there: images and tables take their place when they are finished,
files of lines grow by whole lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import cv2
import numpy as np

from uninext.apis.exports.cvat import cvat_of_tracks
from uninext.apis.exports.label_sets import CocoLabels, VideoLabels
from uninext.apis.exports.video_tracks import VideoTracks, mot_lines_of
from uninext.apis.results import Result
from uninext.utils.files import FileError, replacing
from uninext.utils.video_writer import VideoWriter

ADVICE = 'Make room, or give another folder. What was written before is kept.'


@dataclass(frozen=True)
class Origin:
    """A source, as far as files depend on it.

    Attributes:
        name: What the files of a video are called.
        is_video: Whether its images are frames.
        is_tracked: Whether results have tracks.
        fps: Of the video that is written, where its frames have no times.
        keep_times: Whether frames that have times are shown at them.
        root: Folder below which images keep their place; None: of frames in memory.
    """

    name: str
    is_video: bool = False
    is_tracked: bool = False
    fps: Fraction | float = 25
    root: Path | None = None
    keep_times: bool = True


@dataclass(eq=False)
class Found:
    """A result on its way into files.

    Attributes:
        result: What was found.
        number: Of the image or frame in its source, from 0.
        origin: The source.
        file_name: Of the image itself, seen from the folder of label sets.
    """

    result: Result
    number: int
    origin: Origin
    file_name: str

    @cached_property
    def drawn(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR, the image with what was found."""
        return self.result.plot()


class OutputFolder:
    """A folder, and who writes which file there.

    Args:
        path: Of the folder; it is made with its first file.
        label_root: What the file names of label sets start from; None: ``path``.
    """

    def __init__(self, path: str | Path, label_root: str | Path | None = None) -> None:
        self.path = Path(path)
        self.label_root = Path(label_root or path)
        self._claimed: dict[Path, None] = {}

    @property
    def written(self) -> list[Path]:
        """Files of this run, in the order they were begun."""
        return [path for path in self._claimed if path.is_file()]

    def claim(self, name: str | Path) -> Path:
        """A path that no other file of this run has: ``a.json``, then ``a-2.json``."""
        path = first = self.path / name
        number = 1
        while path in self._claimed:
            number += 1
            path = first.with_name(f'{first.stem}-{number}{first.suffix}')
        self._claimed[path] = None
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_text(self, name: str | Path, text: str) -> None:
        """Write a file that is there when it is whole."""
        with replacing(self.claim(name), ADVICE) as temporary:
            temporary.write_text(text, encoding='utf-8')

    def write_image(self, name: str | Path, image: np.ndarray) -> Path:
        """Write an image (H, W, 3) uint8 BGR; a suffix that OpenCV cannot is .png."""
        name = Path(name)
        if not cv2.haveImageWriter(str(name)):
            name = name.with_suffix('.png')
        path = self.claim(name)
        _, content = cv2.imencode(path.suffix, image)
        with replacing(path, ADVICE) as temporary:
            temporary.write_bytes(content.tobytes())
        return path


class LineFile:
    """A text file that grows by whole lines; every one is there for readers at once.

    Args:
        path: File to write; what was there is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open('wb', buffering=0)

    def write(self, line: str) -> None:
        """Append a line; without its end.

        Raises:
            FileError: A ValueError, if there is no room; the file then ends with
                the line before.
        """
        start = self._file.tell()
        content = line.encode() + b'\n'
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            self._file.truncate(start)
            raise FileError(
                f'{self.path} could not be written: {error.strerror}. {ADVICE}'
            ) from error

    def close(self) -> None:
        """No line comes after this."""
        self._file.close()


class Export:
    """One kind of file; of the sources that it ``fits`` it is told everything.

    Attributes:
        needs: What sources must be, for people.
        needs_tracks: Whether :meth:`end` needs the tracks of a video.
        needs_files: Whether the images themselves must lie in files.
    """

    needs: ClassVar[str] = 'images or videos'
    needs_tracks: ClassVar[bool] = False
    needs_files: ClassVar[bool] = False

    def __init__(self, folder: OutputFolder) -> None:
        self.folder = folder

    @classmethod
    def fits(cls, origin: Origin) -> bool:
        """Whether there is something to write of this source."""
        return True

    def begin(self, origin: Origin, files: ExitStack) -> None:
        """A source begins; ``files`` are closed at its end."""

    def add(self, found: Found) -> None:
        """The next result."""

    def end(self, origin: Origin, tracks: VideoTracks, names: Sequence[str]) -> None:
        """A source ends; ``tracks`` and file names of its frames, if needed."""

    def close(self) -> None:
        """No source comes after this."""


class _OfVideos(Export):
    needs = 'videos'

    @classmethod
    def fits(cls, origin: Origin) -> bool:
        return origin.is_video


class _OfTracks(Export):
    needs = 'tracks through a video'

    @classmethod
    def fits(cls, origin: Origin) -> bool:
        return origin.is_tracked


class ImageFiles(Export):
    """Annotated images, called like the images themselves."""

    needs = 'images'

    @classmethod
    def fits(cls, origin: Origin) -> bool:
        return not origin.is_video

    def add(self, found: Found) -> None:
        self.folder.write_image(_own_name(found), found.drawn)


class VideoFile(_OfVideos):
    """An annotated video."""

    def begin(self, origin: Origin, files: ExitStack) -> None:
        path = self.folder.claim(f'{origin.name}.mp4')
        self._writer = files.enter_context(VideoWriter(path, origin.fps))
        self._size_hw: tuple[int, int] | None = None

    def add(self, found: Found) -> None:
        self._size_hw = self._size_hw or found.drawn.shape[:2]
        try:
            time = found.result.time if found.origin.keep_times else None
            self._writer.write(_fitted(found.drawn, self._size_hw), time)
        except OSError as error:
            raise FileError(
                f'{self._writer.path} could not be written: {error.strerror or error}. '
                f'{ADVICE}'
            ) from error


class FrameFiles(_OfVideos):
    """Annotated frames."""

    def add(self, found: Found) -> None:
        name = f'{found.origin.name}/{found.number:06d}.jpg'
        self.folder.write_image(name, found.drawn)


class JsonFiles(Export):
    """Everything that was found; masks as COCO RLE."""

    def begin(self, origin: Origin, files: ExitStack) -> None:
        if origin.is_video:
            self._lines = LineFile(self.folder.claim(f'{origin.name}.jsonl'))
            files.callback(self._lines.close)

    def add(self, found: Found) -> None:
        if found.origin.is_video:
            record = dict(found.result.to_dict(), frame=found.number)
            self._lines.write(json.dumps(record))
        else:
            name = _own_name(found).with_suffix('.json')
            self.folder.write_text(name, found.result.to_json(indent=1))


class CocoFiles(Export):
    """A label set in COCO format, and the same as results."""

    needs_files = True

    def __init__(self, folder: OutputFolder) -> None:
        super().__init__(folder)
        self._labels = CocoLabels()

    def add(self, found: Found) -> None:
        self._labels.add(found.result, found.file_name)

    def close(self) -> None:
        self.folder.write_text('coco_labels.json', json.dumps(self._labels.to_dict()))
        self.folder.write_text('coco_results.json', json.dumps(self._labels.results()))


class YoutubeVisFiles(_OfTracks):
    """A label set in the layout of YouTube-VIS, and the same as results."""

    needs_tracks = needs_files = True

    def __init__(self, folder: OutputFolder) -> None:
        super().__init__(folder)
        self._labels = VideoLabels()

    def end(self, origin: Origin, tracks: VideoTracks, names: Sequence[str]) -> None:
        self._labels.add(tracks, origin.name, names)

    def close(self) -> None:
        self.folder.write_text('ytvis_labels.json', json.dumps(self._labels.to_dict()))
        self.folder.write_text('ytvis_results.json', json.dumps(self._labels.results()))


class MotFile(_OfTracks):
    """Tracks as lines."""

    def begin(self, origin: Origin, files: ExitStack) -> None:
        self._lines = LineFile(self.folder.claim(f'{origin.name}.txt'))
        files.callback(self._lines.close)

    def add(self, found: Found) -> None:
        for line in mot_lines_of(found.result):
            self._lines.write(line)


class CvatFile(_OfTracks):
    """Tracks as XML."""

    needs_tracks = True

    def end(self, origin: Origin, tracks: VideoTracks, names: Sequence[str]) -> None:
        text = cvat_of_tracks(tracks, origin.name)
        self.folder.write_text(f'{origin.name}.xml', text)


EXPORTS: dict[str, type[Export]] = {
    'images': ImageFiles,
    'video': VideoFile,
    'frames': FrameFiles,
    'json': JsonFiles,
    'coco': CocoFiles,
    'ytvis': YoutubeVisFiles,
    'mot': MotFile,
    'cvat': CvatFile,
}


class PredictionFiles:
    """Write what is found in one source after the other.

    Use it in a ``with`` block: label sets are written at its end. After an exception
    files that were begun are given up; to keep what was found until then, leave the
    block in peace.

    Args:
        folder: Where to write.
        names: Of ``EXPORTS``.

    Raises:
        ValueError: If there is no export of a name.

    Example:
        >>> with PredictionFiles(OutputFolder('found'), ['video', 'mot']) as files:
        ...     files.begin(Origin('street', is_video=True, is_tracked=True))
        ...     for result in find('street.mp4', categories='car', stream=True):
        ...         files.add(result)                          # doctest: +SKIP
    """

    def __init__(self, folder: OutputFolder, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in EXPORTS]
        if unknown:
            raise ValueError(
                f'There is no export {", ".join(map(repr, unknown))}; choose from '
                f'{", ".join(EXPORTS)}.'
            )
        self.folder = folder
        self._exports = [EXPORTS[name](folder) for name in dict.fromkeys(names)]
        self._begun: set[Export] = set()
        self._current: list[Export] = []
        self._origin: Origin | None = None
        self._files = ExitStack()

    def begin(self, origin: Origin) -> None:
        """End the source before, and begin another."""
        self._end()
        self._current = [export for export in self._exports if export.fits(origin)]
        self._begun.update(self._current)
        self._origin, self._number = origin, 0
        self._tracks, self._names = VideoTracks(), []
        for export in self._current:
            export.begin(origin, self._files)

    def add(self, result: Result) -> Found:
        """Write the next result of the source.

        Returns:
            The result, and what was made of it for the files.

        Raises:
            ValueError: If something cannot be written; says why.
        """
        found = Found(result, self._number, self._origin, self._file_name(result))
        for export in self._current:
            export.add(found)
        if any(export.needs_tracks for export in self._current):
            self._tracks.add(result)
            self._names.append(found.file_name)
        self._number += 1
        return found

    def __enter__(self) -> PredictionFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._files.__exit__(kind, error, trace)
            return
        self._end()
        for export in self._exports:
            if export in self._begun:
                export.close()

    def _end(self) -> None:
        """Close the files of the current source."""
        origin, self._origin = self._origin, None
        if origin is None:
            return
        self._files.close()
        for export in self._current:
            export.end(origin, self._tracks, self._names)

    def _file_name(self, result: Result) -> str:
        """Where the image lies; a frame in memory is written if somebody asks."""
        if not any(export.needs_files for export in self._current):
            return ''
        path = result.path
        if path is None:
            name = f'{self._origin.name}/{self._number:06d}.jpg'
            path = self.folder.write_image(Path('frames') / name, result.image)
        return Path(os.path.relpath(path, self.folder.label_root)).as_posix()


def _own_name(found: Found) -> Path:
    """Of an annotated image: its place below the root of its source."""
    path = found.result.path
    if path is None:
        return Path(f'{found.origin.name}_{found.number:06d}.jpg')
    return Path(os.path.relpath(path, found.origin.root or Path(path).parent))


def _fitted(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """A frame of another size than the first, within the first's size, on black."""
    if image.shape[:2] == size_hw:
        return image
    factor = min(to / of for to, of in zip(size_hw, image.shape))
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    canvas = np.zeros((*size_hw, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(image, (width, height))
    return canvas
