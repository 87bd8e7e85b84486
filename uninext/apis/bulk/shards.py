"""Shards: what was found in one task, as the content of one file.

Parquet: a row an image or frame, the fields of :meth:`Result.to_dict`, and ``error``.
COCO: a label set; ids of images and annotations differ from those of other shards, so
that the lists of several may be joined.
"""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from uninext.apis.bulk.parquet import arrow
from uninext.apis.exports.label_sets import CocoLabels
from uninext.apis.results import Result

NUM_IDS = 10**9  # of images, or annotations, that a shard has at most


class Row(NamedTuple):
    """An image, or a frame; without a result there is an error.

    Attributes:
        path: Of the image or video; ``FILE.parquet#7`` of an image in Parquet.
        frame: Number from 0; None of an image.
        result: What was found.
        error: Why it could not be used.
    """

    path: str
    frame: int | None = None
    result: Result | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What :func:`row_schema` says, of types that JSON knows."""
        own = dict(path=self.path, frame=self.frame, error=self.error)
        if self.result is None:
            return dict(own, prompts=[], absent=[], instances=[])
        return {**self.result.to_dict(), **own}


@dataclass(frozen=True)
class Shard:
    """The content of a file, and what is told of it.

    Attributes:
        content: Of the file.
        num_images: Images and frames that were looked at.
        found: Name -> instances, or tracks where there are any.
        errors: Of what could not be used.
    """

    content: bytes
    num_images: int = 0
    found: Counter[str] = field(default_factory=Counter)
    errors: tuple[str, ...] = ()


class ShardWriter(ABC):
    """Takes the rows of a task; no images are held.

    Args:
        number: Of the task, from 0.
    """

    suffix: ClassVar[str]

    def __init__(self, number: int) -> None:
        self._first_id = number * NUM_IDS + 1
        self._num_images = 0
        self._found: Counter[str] = Counter()
        self._tracks: set[int] = set()
        self._errors: list[str] = []

    def add(self, row: Row) -> None:
        """Take a row."""
        if row.error is not None:
            self._errors.append(row.error)
        if row.result is not None:
            self._num_images += 1
            self._count(row.result)
        self._take(row)

    def finish(self) -> Shard:
        """All that was taken."""
        errors = tuple(self._errors)
        return Shard(self._content(), self._num_images, self._found, errors)

    def _count(self, result: Result) -> None:
        if result.track_ids is None:
            self._found.update(result.labels)
            return
        for track, label in zip(result.track_ids.tolist(), result.labels):
            if track >= 0 and track not in self._tracks:
                self._tracks.add(track)
                self._found[label] += 1

    @abstractmethod
    def _take(self, row: Row) -> None:
        """Keep what the file has of a row."""

    @abstractmethod
    def _content(self) -> bytes:
        """The content of the file."""


class ParquetShard(ShardWriter):
    """A table; masks are COCO RLE."""

    suffix = '.parquet'

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._write = arrow().parquet.write_table
        self._rows: list[dict[str, Any]] = []

    def _take(self, row: Row) -> None:
        self._rows.append(row.to_dict())

    def _content(self) -> bytes:
        buffer = io.BytesIO()
        self._write(table_of(self._rows), buffer)
        return buffer.getvalue()


class CocoShard(ShardWriter):
    """A label set; ``info`` has the errors. Frames are named ``VIDEO#7``."""

    suffix = '.json'

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._labels = CocoLabels(self._first_id)

    def _take(self, row: Row) -> None:
        if row.result is not None:
            place = '' if row.frame is None else f'#{row.frame}'
            self._labels.add(row.result, row.path + place)

    def _content(self) -> bytes:
        content = self._labels.to_dict()
        content['info']['errors'] = self._errors
        return json.dumps(content).encode()


LAYOUTS: dict[str, type[ShardWriter]] = {'parquet': ParquetShard, 'coco': CocoShard}


def table_of(rows: list[dict[str, Any]]) -> Any:
    """A ``pyarrow.Table`` of rows as dicts."""
    return arrow().Table.from_pylist(rows, schema=row_schema())


def row_schema() -> Any:
    """The ``pyarrow.Schema`` of rows; boxes are xyxy in pixels, times in seconds."""
    pa = arrow()
    texts = pa.list_(pa.string())
    instance = dict(
        label=pa.string(),
        score=pa.float64(),
        box_xyxy=pa.list_(pa.float64()),
        prompt_id=pa.int32(),
        prompt=pa.string(),
        track_id=pa.int64(),
        mask=pa.struct(dict(size=pa.list_(pa.int32()), counts=pa.string())),
    )
    return pa.schema(
        dict(
            path=pa.string(),
            frame=pa.int64(),
            time=pa.float64(),
            height=pa.int32(),
            width=pa.int32(),
            prompts=texts,
            absent=texts,
            instances=pa.list_(pa.struct(instance)),
            error=pa.string(),
        )
    )
