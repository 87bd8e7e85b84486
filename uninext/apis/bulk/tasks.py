"""Sources become tasks: what goes through the network at a time, and into one shard."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from uninext.apis.bulk.parquet import (
    PARQUET_SUFFIX,
    image_column,
    is_parquet,
    num_rows,
)
from uninext.apis.sources import open_source, paths_of, videos_of
from uninext.utils.image_files import list_images, natural_key

LIST_SUFFIX = '.txt'


@dataclass(frozen=True)
class Task:
    """What becomes one shard. All paths are absolute.

    Attributes:
        kind: 'images', 'rows' (of a Parquet file of images) or 'video'.
        paths: Of the images; else one, of the Parquet file, video or folder of frames.
        start: First of the rows.
        stop: The one after the last row.
        column: Of the images in the Parquet file.
    """

    kind: str
    paths: tuple[str, ...]
    start: int = 0
    stop: int = 0
    column: str = ''

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Task:
        """Take what :meth:`to_dict` gave."""
        return cls(**{**content, 'paths': tuple(content['paths'])})


@dataclass(frozen=True)
class Sources:
    """What sources hold: absolute paths, each once, in their order.

    Attributes:
        images: Of image files.
        videos: Of video files, and of folders of frames.
        tables: Of Parquet files of images.
    """

    images: list[str]
    videos: list[str]
    tables: list[str]


def sorted_sources(sources: Sequence[str], as_video: bool | None = None) -> Sources:
    """Tell images, videos and Parquet files apart.

    Args:
        sources: Images, videos, Parquet files of images, folders and patterns of these,
            and lists: text files of such, a line each, seen from the folder of the
            list.
        as_video: Whether a folder of images is a video.

    Raises:
        ValueError: If there is no such source, or it may never end.
    """
    images: dict[str, None] = {}
    videos: dict[str, None] = {}
    tables: dict[str, None] = {}
    for text in chain.from_iterable(map(_listed, sources)):
        if is_parquet(text):
            tables[os.path.abspath(text)] = None
            continue
        for path in videos_of(text, as_video):
            is_camera = path.isdigit() and not Path(path).exists()
            source = open_source(int(path) if is_camera else path)
            if not source.may_end:
                raise ValueError(
                    f'{path} may never end, and a shard is written when its video is '
                    'over. Leave --engine and --shards away.'
                )
            if source.is_video or (as_video and Path(path).is_dir()):
                videos[os.path.abspath(path)] = None
            else:
                images.update(dict.fromkeys(map(os.path.abspath, paths_of(path))))
    return Sources(list(images), list(videos), list(tables))


def new_tasks(
    sources: Sources,
    known: Sequence[Task] = (),
    shard_size: int = 1000,
    column: str | None = None,
) -> list[Task]:
    """Tasks of what no known task has.

    Videos come first, large files before small ones, so that workers end together.

    Args:
        sources: See :func:`sorted_sources`.
        known: What is planned already.
        shard_size: Images of a task, at most; a video is one task.
        column: Of images in Parquet files; None: see
            :func:`uninext.apis.bulk.parquet.image_column`.

    Raises:
        ValueError: If a Parquet file has no such column.
    """
    seen = {path for task in known if task.kind != 'rows' for path in task.paths}
    videos = [path for path in sources.videos if path not in seen]
    videos.sort(key=os.path.getsize, reverse=True)
    tasks = [Task('video', (path,)) for path in videos]
    for table in sources.tables:
        planned = [task.stop for task in known if task.paths == (table,)]
        tasks += _of_rows(table, max(planned, default=0), shard_size, column)
    images = [path for path in sources.images if path not in seen]
    for i in range(0, len(images), shard_size):
        tasks.append(Task('images', tuple(images[i : i + shard_size])))
    return tasks


def _of_rows(table: str, start: int, size: int, column: str | None) -> list[Task]:
    column, stop = image_column(table, column), num_rows(table)
    return [
        Task('rows', (table,), first, min(first + size, stop), column)
        for first in range(start, stop, size)
    ]


def _tables_of(text: str) -> list[str]:
    """Parquet files of a folder, or that fit a pattern."""
    if Path(text).is_dir():
        text = f'{glob.escape(text)}/*{PARQUET_SUFFIX}'
    is_pattern = glob.has_magic(text) and text.endswith(PARQUET_SUFFIX)
    found = glob.glob(text, recursive=True) if is_pattern else []
    return sorted(found, key=natural_key)


def _listed(text: str) -> Iterator[str]:
    """Lines of a list, Parquet files of a folder or pattern; else the source."""
    path = Path(text)
    if path.suffix.lower() != LIST_SUFFIX or not path.is_file():
        tables = _tables_of(text)
        yield from tables
        if not tables or list_images(path):
            yield text
        return
    lines = path.read_text(encoding='utf-8').splitlines()
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise ValueError(f'The list {path} has no line. Write a path on each.')
    for line in found:
        yield line if '://' in line else str(path.parent / line)
