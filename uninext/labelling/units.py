"""What is labelled: images and videos, one unit each.

A unit is predicted as a whole or not at all, so that a run can be killed at any moment.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from uninext.apis.sources import VIDEO_SUFFIXES, open_source
from uninext.formats.json_file import read_text
from uninext.utils.image_files import (
    is_image_name,
    list_images,
    natural_key,
)

LIST_SUFFIX = '.txt'
EXPECTED = (
    'Give an image, a video, a folder, a quoted pattern ("photos/**/*.jpg"), or a .txt '
    'file with one of these a line.'
)


@dataclass(frozen=True)
class Unit:
    """An image or a video.

    Attributes:
        path: Absolute; of the file, or of the folder of frames.
        root: Absolute; folder that file names may start from.
        is_video: Whether it is tracked through.
    """

    path: Path
    root: Path
    is_video: bool = False

    @property
    def frames(self) -> list[Path] | None:
        """Files of the frames of a folder; None of a video file."""
        return list_images(self.path) if self.path.is_dir() else None


def units_of(sources: Sequence[str | Path], as_video: bool = False) -> list[Unit]:
    """Tell what sources hold; each file is there once, in the order it is first named.

    Args:
        sources: Images, videos, folders of both, patterns, and ``.txt`` lists of these.
        as_video: Whether a folder of images is a video.

    Raises:
        ValueError: If a source holds neither image nor video; nothing is read yet.
    """
    units = [unit for source in sources for unit in _units(str(source), as_video)]
    return list({unit.path: unit for unit in reversed(units)}.values())[::-1]


def _units(source: str, as_video: bool) -> Iterator[Unit]:
    path = Path(source)
    if path.suffix.lower() == LIST_SUFFIX and path.is_file():
        lines = [line.strip() for line in read_text(path).splitlines()]
        for line in filter(None, lines):
            yield from _units(str(path.parent / line), as_video)
        return
    if not source.strip():
        raise ValueError(f'The source is an empty text. {EXPECTED}')
    if path.is_dir() and as_video and list_images(path):
        yield Unit(path.resolve(), path.resolve(), True)
        return
    if path.is_dir():
        root, files = path, list(path.iterdir())
    elif path.is_file():
        root, files = path.parent, [path]
    elif glob.has_magic(source):
        files = [Path(name) for name in glob.glob(source, recursive=True)]
        root = _before_magic(path)
    else:
        raise ValueError(f'There is no file or folder {source!r} to label. {EXPECTED}')
    images = filter(is_image_name, files)
    found = [Unit(_absolute(image), root.resolve()) for image in images]
    videos = [f for f in files if f.suffix.lower() in VIDEO_SUFFIXES or f == path]
    videos = [f for f in videos if f.is_file() and not is_image_name(f)]
    for video in videos:
        open_source(str(video))  # an error here is better than after hours
    found += [Unit(_absolute(video), root.resolve(), True) for video in videos]
    if not found:
        raise ValueError(f'{source} holds neither image nor video. {EXPECTED}')
    yield from sorted(found, key=lambda unit: natural_key(unit.path))


def _absolute(path: Path) -> Path:
    """Through the folder, not through the file: a link to an image has a name too."""
    return path.parent.resolve() / path.name


def _before_magic(pattern: Path) -> Path:
    """The folder that a pattern starts from."""
    parts = pattern.parts[:-1]
    magic = [i for i, part in enumerate(parts) if glob.has_magic(part)]
    return Path(*parts[: magic[0] if magic else None])
