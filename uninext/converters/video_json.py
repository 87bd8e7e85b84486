"""Collect videos and write the one annotation file that all video sets share.

It is that of YouTube-VIS: ``videos`` [{id, width, height, length, file_names}],
``annotations`` [{id, video_id, category_id, iscrowd, bboxes, segmentations}],
``categories`` [{id, name}]; lists over frames have ``length`` entries, null where an
object is absent; ``bboxes`` are x, y, width, height in pixels.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from uninext.converters.report import ConversionReport, progress_bar
from uninext.formats.errors import DatasetError
from uninext.formats.youtube_vis import write_video_file
from uninext.utils.image_files import turned_size_wh

Box = list[float]
T = TypeVar('T')


@dataclass
class VideoConversion(ConversionReport):
    """What a conversion of videos, or a check of them, found.

    Attributes:
        videos: Written records of ``videos``.
        frames: Of those videos.
        objects: Written annotations.
        boxes: Boxes in them, over all frames.
        masks: Masks in them, over all frames.
        expressions: Expressions of the videos.
        absent: Reason -> number of frames of an object that have no box, as the data
            set says itself.
    """

    videos: int = 0
    frames: int = 0
    objects: int = 0
    boxes: int = 0
    masks: int = 0
    expressions: int = 0
    absent: Counter[str] = field(default_factory=Counter)

    def found(self) -> list[str]:
        """Lines that say what was written."""
        return [
            f'{self.videos} videos with {self.frames} frames; {self.objects} '
            f'objects with {self.boxes} boxes and {self.masks} masks'
            + (f'; {self.expressions} expressions' if self.expressions else ''),
            *(f'  no box {n}: {why}' for why, n in sorted(self.absent.items())),
        ]


@dataclass
class Track:
    """An object over the frames of a video.

    Attributes:
        bboxes: One of [x, y, width, height] in pixels or None a frame.
        segmentations: One RLE, polygons or None a frame; None for sets of boxes.
        category_id: Of ``categories``, from 1.
        iscrowd: 1 for what is to be ignored.
        extra: Further keys of the annotation.
    """

    bboxes: list[Box | None]
    segmentations: list[Any] | None = None
    category_id: int = 1
    iscrowd: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


class VideoJson:
    """A video annotation file in the making.

    Records are turned to text as they come, so that millions of frames need only the
    memory of the text.

    Args:
        categories: Names; their ids count from 1.
        strict: Raise at the first thing that has to be skipped.
        progress: Show a progress bar in a terminal.
    """

    def __init__(
        self,
        categories: Sequence[str] = ('object',),
        strict: bool = False,
        progress: bool = True,
    ) -> None:
        self.conversion = VideoConversion(strict=strict)
        self._progress = progress
        self._categories = [
            dict(id=i, name=name) for i, name in enumerate(categories, start=1)
        ]
        self._videos: list[str] = []
        self._annotations: list[str] = []

    def add(
        self,
        file_names: Sequence[str],
        size_wh: tuple[int, int],
        tracks: Iterable[Track],
        require_object: bool = True,
        **extra: Any,
    ) -> bool:
        """Add a video and its objects; those that are visible nowhere are left out.

        Args:
            file_names: Of the frames, below the folder of images.
            size_wh: Width and height of a frame in pixels.
            tracks: The objects.
            require_object: Leave out a video in which no object is visible.
            **extra: Further keys of the record, such as ``name`` and ``expressions``.

        Raises:
            DatasetError: If strict and something is left out.
        """
        where = extra.get('name') or (file_names[0] if file_names else '?')
        if not file_names:
            self.conversion.skip('video without a frame', where)
            return False
        seen = []
        for track in tracks:
            assert len(track.bboxes) == len(file_names)
            assert len(track.segmentations or file_names) == len(file_names)
            if any(box is not None for box in track.bboxes):
                seen.append(track)
            else:
                reason = 'object that is visible in no frame'
                self.conversion.skip(reason, where, fault=False)
        if require_object and not seen:
            reason = 'video without a visible object'
            self.conversion.skip(reason, where, fault=False)
            return False
        record = dict(
            id=len(self._videos) + 1,
            width=size_wh[0],
            height=size_wh[1],
            length=len(file_names),
            file_names=list(file_names),
            **extra,
        )
        self._videos.append(json.dumps(record))
        self.conversion.videos += 1
        self.conversion.frames += len(file_names)
        self.conversion.expressions += len(extra.get('expressions', ()))
        for track in seen:
            self._add_track(record['id'], track)
        return True

    def each(self, records: Iterable[T], unit: str) -> Iterable[T]:
        """Iterate with a progress bar; ``unit`` is what a record is, in the plural."""
        return progress_bar(records, unit, self._progress)

    def save(self, path: Path) -> VideoConversion:
        """Write the file whole or not at all.

        Raises:
            DatasetError: If there is no video: the folder is not what was expected.
        """
        if not self._videos:
            raise DatasetError(
                f'Nothing to write to {path}: no usable video was found.\n'
                + self.conversion.summary('Found')
            )
        write_video_file(self._videos, self._annotations, self._categories, path)
        return self.conversion

    def _add_track(self, video_id: int, track: Track) -> None:
        record = dict(
            id=len(self._annotations) + 1,
            video_id=video_id,
            category_id=track.category_id,
            iscrowd=track.iscrowd,
            bboxes=track.bboxes,
        )
        if track.segmentations is not None:
            record['segmentations'] = track.segmentations
        self._annotations.append(json.dumps({**record, **track.extra}))
        self.conversion.objects += 1
        self.conversion.boxes += sum(box is not None for box in track.bboxes)
        self.conversion.masks += sum(s is not None for s in track.segmentations or ())


def video_converter(
    *categories: str,
) -> Callable[[Callable[..., None]], Callable[..., VideoConversion]]:
    """Make a function that collects videos of a download one that writes their file.

    The function takes ``root``, a :class:`VideoJson` and arguments of its own. Made a
    converter, it takes the file to write in the place of the second; ``strict``: raise
    at the first thing that has to be skipped; ``progress``: show a bar in a terminal.
    It returns the :class:`VideoConversion`, and raises :class:`DatasetError` if the
    download is not what was expected.

    Args:
        *categories: Of the file; one called ``object`` if none is named.
    """

    def made(collect: Callable[..., None]) -> Callable[..., VideoConversion]:
        @wraps(collect)
        def convert(
            root: str | Path,
            out_file: str | Path,
            *args: Any,
            strict: bool = False,
            progress: bool = True,
            **kwargs: Any,
        ) -> VideoConversion:
            out = VideoJson(categories or ('object',), strict, progress)
            collect(Path(root), out, *args, **kwargs)
            return out.save(Path(out_file))

        return convert

    return made


def require(path: Path, layout: str) -> Path:
    """Return a path of a download that has to be there.

    Raises:
        DatasetError: If it is not; ``layout`` says what was expected.
    """
    if not path.exists():
        raise DatasetError(f'{path} does not exist. Expected: {layout}.')
    return path


def image_size(
    path: Path,
    conversion: ConversionReport,
    reason: str = 'video whose first frame cannot be read',
) -> tuple[int, int] | None:
    """Width and height of an image from its header, as loading turns it (EXIF).

    In pixels; None, counted in ``conversion``, if it cannot be read.
    """
    try:
        with Image.open(path) as image:
            return turned_size_wh(image)
    except OSError:  # among them UnidentifiedImageError
        conversion.skip(reason, path)
        return None
