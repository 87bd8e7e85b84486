"""Everything that a prediction writes, while it runs.

A kind of file is a function of ``EXPORTS``: a context around the results of a source,
which gives what takes them one by one. Files are whole or not there: images and tables
take their place when they are finished, files of lines grow by whole lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from uninext.apis.exports.cvat import to_cvat
from uninext.apis.exports.label_sets import CocoLabels, VideoLabels
from uninext.apis.exports.video_tracks import VideoTracks, to_mot_lines
from uninext.apis.results import Result
from uninext.utils.files import FileError, replacing
from uninext.utils.video_writer import VideoWriter

ADVICE = 'Make room, or give another folder. What was written before is kept.'
Plot = Callable[[], np.ndarray]  # of Result.plot, done once
Write = Callable[[Result, int, Plot], object]  # the int numbers results from 0


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

    @contextmanager
    def lines(self, name: str) -> Iterator[Callable[[str], None]]:
        """A file that grows by whole lines; every one is there for readers at once."""
        with self.claim(name).open('wb', buffering=0) as file:
            yield partial(_append, file)


def _append(file: Any, line: str) -> None:
    """Append a line, without its end, to a file that has no buffer.

    Raises:
        FileError: If there is no room; the file then ends with the line before.
    """
    start, content = file.tell(), line.encode() + b'\n'
    try:
        while content:
            content = content[file.write(content) :]
    except OSError as error:
        file.truncate(start)
        raise FileError(
            f'{file.name} could not be written: {error.strerror}. {ADVICE}'
        ) from error


class PredictionFiles:
    """Write what is found in one source after the other.

    Use it in a ``with`` block: label sets are written at its end. After an exception
    files that were begun are given up; to keep what was found until then, leave the
    block in peace.

    Args:
        folder: Where to write.
        names: Of ``EXPORTS``.

    Attributes:
        tracks: Of the current source, if an export needs them.
        file_names: Of its images, seen from the folder of label sets; '' likewise.

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
        self.tracks, self.file_names = VideoTracks(), []
        self.label_sets = dict(coco=CocoLabels(), ytvis=VideoLabels())
        self._exports = {name: EXPORTS[name] for name in names}
        self._begun: dict[str, None] = {}
        self._current: list[Export] = []
        self._writes: list[Write] = []
        self._open = ExitStack()

    def begin(self, origin: Origin) -> None:
        """End the source before, and begin another."""
        self._open.close()
        self.tracks, self.file_names = VideoTracks(), []
        self._origin, self._number = origin, 0
        self._current, self._writes = [], []
        # Tables are written when other files are closed: these are there if one fails.
        exports = sorted(self._exports.items(), key=lambda e: not e[1].needs_tracks)
        for name, export in exports:
            if export.fits(origin):
                context = contextmanager(export.run)(self, origin)
                self._writes.append(self._open.enter_context(context))
                self._current.append(export)
                self._begun[name] = None

    def add(self, result: Result) -> Plot:
        """Write the next result of the source.

        Returns:
            Gives the annotated image, (H, W, 3) uint8 BGR.

        Raises:
            ValueError: If something cannot be written; says why.
        """
        needs_file = any(export.needs_files for export in self._current)
        file_name = self._file_name(result) if needs_file else ''
        if any(export.needs_tracks for export in self._current):
            self.tracks.add(result)
        self.file_names.append(file_name)  # now that the tracks have the frame, too
        plot = cache(result.plot)
        for write in self._writes:
            write(result, self._number, plot)
        self._number += 1
        return plot

    def __enter__(self) -> PredictionFiles:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._open.__exit__(kind, error, trace)
        for name in self._begun if error is None else ():
            if labels := self.label_sets.get(name):
                parts = dict(labels=labels.to_dict(), results=labels.results())
                for part, content in parts.items():
                    self.folder.write_text(f'{name}_{part}.json', json.dumps(content))

    def _file_name(self, result: Result) -> str:
        """Where the image lies; a frame in memory is written."""
        path = result.path
        if path is None:
            name = f'{self._origin.name}/{self._number:06d}.jpg'
            path = self.folder.write_image(Path('frames') / name, result.image)
        return Path(os.path.relpath(path, self.folder.label_root)).as_posix()


# -------------------------------------------------------- what each export writes


def _images(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """Annotated images, called like the images themselves."""

    def write(result: Result, number: int, plot: Plot) -> None:
        files.folder.write_image(_own_name(result, number, origin), plot())

    yield write


def _video(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """An annotated video."""
    size_hw = None

    def write(result: Result, _: int, plot: Plot) -> None:
        nonlocal size_hw
        size_hw = size_hw or plot().shape[:2]
        time = result.time if origin.keep_times else None
        try:
            writer.write(_fitted(plot(), size_hw), time)
        except OSError as error:
            raise FileError(
                f'{writer.path} could not be written: {error.strerror or error}. '
                f'{ADVICE}'
            ) from error

    with VideoWriter(files.folder.claim(f'{origin.name}.mp4'), origin.fps) as writer:
        yield write


def _frames(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """Annotated frames."""

    def write(_: Result, number: int, plot: Plot) -> None:
        files.folder.write_image(f'{origin.name}/{number:06d}.jpg', plot())

    yield write


def _json(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """Everything that was found; masks as COCO RLE."""

    def write_image(result: Result, number: int, _: Plot) -> None:
        name = _own_name(result, number, origin).with_suffix('.json')
        files.folder.write_text(name, result.to_json(indent=1))

    def write_frame(result: Result, number: int, _: Plot) -> None:
        append(json.dumps(dict(result.to_dict(), frame=number)))

    if not origin.is_video:
        yield write_image
        return
    with files.folder.lines(f'{origin.name}.jsonl') as append:
        yield write_frame


def _coco(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """A label set in COCO format, and the same as results."""
    labels = files.label_sets['coco']
    yield lambda result, number, plot: labels.add(result, files.file_names[-1])


def _ytvis(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """A label set in the layout of YouTube-VIS, and the same as results."""
    yield _nothing
    files.label_sets['ytvis'].add(files.tracks, origin.name, files.file_names)


def _mot(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """Tracks as lines."""

    def write(result: Result, _: int, __: Plot) -> None:
        for line in to_mot_lines([result]):
            append(line)

    with files.folder.lines(f'{origin.name}.txt') as append:
        yield write


def _cvat(files: PredictionFiles, origin: Origin) -> Iterator[Write]:
    """Tracks as XML."""
    yield _nothing
    files.folder.write_text(f'{origin.name}.xml', to_cvat(files.tracks, origin.name))


def _nothing(result: Result, number: int, plot: Plot) -> None:
    """Of one result by itself nothing is written."""


class Export(NamedTuple):
    """One kind of file."""

    run: Callable[[PredictionFiles, Origin], Iterator[Write]]
    needs: str = 'images or videos'  # what sources must be, for people
    needs_tracks: bool = False  # of the whole video, at its end
    needs_files: bool = False  # of the images themselves

    def fits(self, origin: Origin) -> bool:
        """Whether there is something to write of this source."""
        return {
            'images': not origin.is_video,
            'videos': origin.is_video,
            TRACKS: origin.is_tracked,
        }.get(self.needs, True)


TRACKS = 'tracks through a video'
EXPORTS = {
    'images': Export(_images, 'images'),
    'video': Export(_video, 'videos'),
    'frames': Export(_frames, 'videos'),
    'json': Export(_json),
    'coco': Export(_coco, needs_files=True),
    'ytvis': Export(_ytvis, TRACKS, needs_tracks=True, needs_files=True),
    'mot': Export(_mot, TRACKS),
    'cvat': Export(_cvat, TRACKS, needs_tracks=True),
}


def _own_name(result: Result, number: int, origin: Origin) -> Path:
    """Of an annotated image: its place below the root of its source."""
    if result.path is None:
        return Path(f'{origin.name}_{number:06d}.jpg')
    root = origin.root or Path(result.path).parent
    return Path(os.path.relpath(result.path, root))


def _fitted(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """A frame of another size than the first, within the first's size, on black."""
    if image.shape[:2] == size_hw:
        return image
    factor = min(to / of for to, of in zip(size_hw, image.shape))
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    canvas = np.zeros((*size_hw, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(image, (width, height))
    return canvas
