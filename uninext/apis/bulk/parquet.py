"""Images in Parquet files: as paths, as the content of files, or as both.

Needs pyarrow, which is imported when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from uninext.apis.images import EncodedImage

PARQUET_SUFFIX = '.parquet'
COLUMNS = ('image', 'bytes', 'path', 'file_name')  # looked for, in this order
Item = EncodedImage | str


def arrow() -> ModuleType:
    """The module pyarrow.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            f"Parquet needs the package pyarrow ({error}): pip install 'uninext[ray]', "
            'or pyarrow alone. Shards of COCO (--shards coco) do not.'
        ) from error
    return pyarrow


def is_parquet(source: str | Path) -> bool:
    """Whether a file is called like one of Parquet."""
    return Path(source).suffix == PARQUET_SUFFIX and Path(source).is_file()


def num_rows(path: str) -> int:
    """Rows of a file."""
    return arrow().parquet.read_metadata(path).num_rows


def image_column(path: str, column: str | None = None) -> str:
    """Name of the column that has the images.

    Args:
        path: Of the file.
        column: What a user said; None: the first of ``COLUMNS`` that is there.

    Raises:
        ValueError: If there is no such column; it says which there are.
    """
    names = arrow().parquet.read_schema(path).names
    for name in COLUMNS if column is None else (column,):
        if name in names:
            return name
    wanted = column or f'of images ({", ".join(COLUMNS)})'
    raise ValueError(
        f'{path} has no column {wanted}; it has {", ".join(names)}. Name one by '
        '--column.'
    )


def read_items(path: str, start: int, stop: int, column: str) -> list[Item]:
    """Images of rows ``start`` to ``stop`` (not itself), see :func:`items_of`.

    No more of the file is read than the groups of rows that hold them.
    """
    file = arrow().parquet.ParquetFile(path)
    groups, first, begin = [], 0, 0
    for i in range(file.num_row_groups):
        count = file.metadata.row_group(i).num_rows
        if begin < stop and begin + count > start:
            first = first if groups else begin
            groups.append(i)
        begin += count
    table = file.read_row_groups(groups, columns=[column])
    values = table.column(column).slice(start - first, stop - start).to_pylist()
    names = [f'{path}#{row}' for row in range(start, stop)]
    return items_of(values, names, os.path.dirname(path))


def items_of(values: Sequence[Any], names: Sequence[str], root: str = '') -> list[Item]:
    """Values of a column as images.

    Args:
        values: Paths; contents of image files; or dicts of both, ``bytes`` and
            ``path``, as data sets of Hugging Face have them.
        names: Of images that have no path of a file here.
        root: Folder that relative paths start from.

    Returns:
        Paths, and encoded images; one of no content where a value is none of these.
    """
    items: list[Item] = []
    for value, name in zip(values, names):
        if isinstance(value, dict):
            value = value.get('bytes') or value.get('path')
        if isinstance(value, str):
            items.append(os.path.join(root, value))
        else:
            items.append(EncodedImage(value if isinstance(value, bytes) else b'', name))
    return items
