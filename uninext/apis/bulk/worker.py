"""A task through the network: a row for every image or frame, in order."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from uninext.apis.bulk.parquet import Item, read_items
from uninext.apis.bulk.shards import LAYOUTS, Row, Shard
from uninext.apis.bulk.tasks import Task
from uninext.apis.images import EncodedImage, SkippedImageWarning, SourceError
from uninext.apis.results import Result
from uninext.apis.sources import is_video

Find = Callable[..., Iterator[Result]]  # as UninextInferencer


class Worker:
    """Does one task after the other.

    Args:
        make_find: Builds the inferencer, in the process that the worker is in.
        asked: Arguments of its call of images: prompts, thresholds, ``batch_size``.
        tracked: Those of videos.
        layout: Of shards, of ``uninext.apis.bulk.shards.LAYOUTS``.
        is_tracked: Whether it tracks through videos, or takes each frame by itself.
    """

    def __init__(
        self,
        make_find: Callable[[], Find],
        asked: dict[str, Any],
        tracked: dict[str, Any],
        layout: str,
        is_tracked: bool = True,
    ) -> None:
        self._find, self._asked, self._tracked = make_find(), asked, tracked
        self._layout, self._is_tracked = layout, is_tracked

    def __call__(self, number: int, task: Task) -> Shard:
        """Do a task; its number makes ids of its shard differ from those of others."""
        shard = LAYOUTS[self._layout](number)
        for row in self._rows(task):
            shard.add(row)
        return shard.finish()

    def _rows(self, task: Task) -> Iterator[Row]:
        if task.kind == 'video':
            asked = self._tracked if self._is_tracked else self._asked
            return rows_of_video(self._find, task.paths[0], asked, self._is_tracked)
        items: Sequence[Item] = task.paths
        if task.kind == 'rows':
            items = read_items(task.paths[0], task.start, task.stop, task.column)
        return rows_of_images(self._find, items, self._asked)


def rows_of_video(
    find: Find, path: str, asked: dict[str, Any], is_tracked: bool
) -> Iterator[Row]:
    """A row a frame; where the video cannot be read on there is one with an error."""
    number = 0
    try:
        for result in find(
            path, **asked, as_video=is_tracked, stream=True, progress=False
        ):
            yield Row(path, number, result)
            number += 1
    except SourceError as error:
        yield Row(path, number, error=str(error))


def rows_of_images(
    find: Find, items: Sequence[Item], asked: dict[str, Any]
) -> Iterator[Row]:
    """A row an image, in their order; images that cannot be used have an error."""
    names = iter([_name(item) for item in items])
    errors: dict[str, str] = {}
    there = list(filter(_is_there, items))
    options = dict(as_video=False, on_error='skip', stream=True, progress=False)
    with _noting_skipped(errors):
        for result in find(there, **asked, **options) if there else ():
            for name in names:
                if name == result.path:
                    yield Row(name, result=result)
                    break
                yield _left_out(name, errors)
    for name in names:
        yield _left_out(name, errors)


def _name(item: Item) -> str:
    return item.name if isinstance(item, EncodedImage) else item


def _is_there(item: Item) -> bool:
    """Whether the inferencer takes it as an image; it may be damaged."""
    if isinstance(item, EncodedImage):
        return True
    return Path(item).is_file() and not is_video(item)


def _left_out(name: str, errors: dict[str, str]) -> Row:
    return Row(name, error=errors.get(name, f'There is no image file {name}.'))


@contextlib.contextmanager
def _noting_skipped(errors: dict[str, str]) -> Iterator[None]:
    """Put what is said of images that are left out into ``errors``, by their names."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note(message: Warning | str, *place: Any, **more: Any) -> None:
            if isinstance(message, SkippedImageWarning):
                errors[message.name] = str(message).removeprefix('skipped: ')
            else:
                show(message, *place, **more)

        warnings.showwarning = note
        warnings.simplefilter('always', SkippedImageWarning)
        yield
