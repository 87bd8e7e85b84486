"""All objects of videos in one JSON file, the layout of YouTube-VIS: read, written.

``videos`` [{id, width, height, length, file_names}], ``annotations`` [{id, video_id,
category_id, iscrowd, bboxes, segmentations}], ``categories`` [{id, name}]; lists over
frames have ``length`` entries, null where an object is absent; ``bboxes`` are x, y,
width, height in pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from uninext.formats.coco import check_records, checked_lists
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import write_text


def checked_videos(
    content: Any, ann_file: str, require_annotations: bool = True
) -> dict[str, list[dict[str, Any]]]:
    """Check the structure of annotations in the YouTube-VIS layout.

    Arguments and errors as of :func:`uninext.formats.coco.checked_coco`; gives
    ``videos``, ``annotations`` and ``categories``.
    """
    given = content, ann_file, require_annotations
    content = checked_lists(*given, 'videos', 'the layout of YouTube-VIS')
    _check_records(content, ann_file)
    return content


def write_video_file(
    videos: Sequence[str],
    annotations: Sequence[str],
    categories: Sequence[Mapping[str, Any]],
    path: str | Path,
) -> None:
    """Write an annotation file whole or not at all.

    Args:
        videos: Records as JSON, which takes a tenth of the memory of their objects.
        annotations: Likewise.
        categories: ``id`` and ``name`` of each.
        path: Of the file.

    Raises:
        FileError: If it cannot be written.
    """
    write_text(_chunks(videos, annotations, list(map(json.dumps, categories))), path)


def _chunks(*lists: Sequence[str]) -> Iterator[str]:
    keys = ('videos', 'annotations', 'categories')
    for position, (key, records) in enumerate(zip(keys, lists)):
        yield f'{"," if position else "{"}"{key}": ['
        for i, record in enumerate(records):
            yield f',\n{record}' if i else record
        yield ']\n'
    yield '}\n'


def check_length(listed: Any, key: str, length: int, where: str) -> None:
    """Raise DatasetError if a list over frames is not as long as its video."""
    got = len(listed) if isinstance(listed, list) else type(listed).__name__
    if got != length:
        raise DatasetError(
            f'{where}: {key!r} has {got} entries; expected {length}, one for every '
            'frame of the video (null where the object is absent).'
        )


def _check_records(content: dict[str, list], ann_file: str) -> None:
    fields = dict(video=('file_names', 'height', 'width'), annotation=())
    check_records(content, 'videos', fields, ann_file)
    for video in content['videos']:
        where = f'{ann_file}: video {video["id"]}'
        names = video['file_names']
        if not isinstance(names, list) or not names:
            raise DatasetError(f"{where} has no frames: 'file_names' is {names!r}.")
        if odd := [name for name in names if not isinstance(name, str)]:
            raise DatasetError(
                f'{where} has the file name {odd[0]!r}; expected a text.'
            )
        check_length(names, 'file_names', video.get('length', len(names)), where)
