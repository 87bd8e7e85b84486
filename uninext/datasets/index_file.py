"""The samples of a dataset in one file that all processes of a node map.

Layout: ``MAGIC``, length of the header (8 bytes), header (JSON: the facts; name, type,
shape and offset of each array), then the arrays, each at a multiple of 64 bytes. A file
is written whole or not at all, never changed afterwards, and reading it runs no code.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uninext.datasets.sample_codec import decode_sample

MAGIC = b'UNINEXT1'
TMP_SUFFIX = '.tmp'
_ALIGNMENT = 64


class BrokenIndexError(ValueError):
    """A file is no index, or has been cut short."""


@dataclass(frozen=True)
class SampleIndex:
    """N encoded samples.

    Attributes:
        facts: What is known of the whole set; JSON.
        arrays: ``data`` (bytes,) uint8, the samples end to end; ``ends`` (N,) int64,
            where each ends; others by their names.
        path: The file that ``arrays`` are mapped from; None: they are in memory.
    """

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    path: str | None = None


def sample_at(data: np.ndarray, ends: np.ndarray, position: int) -> dict[str, Any]:
    """Decode one of the samples that lie end to end."""
    start = int(ends[position - 1]) if position else 0
    return decode_sample(data[start : int(ends[position])])


def write_index(index: SampleIndex, path: Path) -> None:
    """Write the file whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    table, offset = {}, 0
    for name, array in index.arrays.items():
        table[name] = [array.dtype.str, list(array.shape), offset]
        offset += array.nbytes + -array.nbytes % _ALIGNMENT
    header = json.dumps(dict(facts=index.facts, arrays=table)).encode('ascii')
    temporary = path.with_name(f'{path.name}.{uuid.uuid4().hex[:8]}{TMP_SUFFIX}')
    try:
        with open(temporary, 'wb') as file:
            file.write(MAGIC + len(header).to_bytes(8, 'little') + header)
            file.write(bytes(-file.tell() % _ALIGNMENT))
            for array in index.arrays.values():
                file.write(np.ascontiguousarray(array).data)
                file.write(bytes(-file.tell() % _ALIGNMENT))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read_index(path: str | Path) -> SampleIndex:
    """Map a file.

    Raises:
        BrokenIndexError: If it is no index, or not whole.
        OSError: If it cannot be read.
    """
    with open(path, 'rb') as file:
        start = file.read(16)
        length = int.from_bytes(start[8:], 'little')
        if start[:8] != MAGIC or length > os.path.getsize(path):
            raise BrokenIndexError(f'{path} is not an index of samples.')
        header = file.read(length)
    first = 16 + length + -(16 + length) % _ALIGNMENT
    try:
        header = json.loads(header)
        facts, table = header['facts'], header['arrays']
        mapped = np.memmap(path, dtype=np.uint8, mode='r').view(np.ndarray)
        arrays = {
            name: _array(mapped, first + offset, dtype, shape)
            for name, (dtype, shape, offset) in table.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenIndexError(f'{path} is not a whole index: {error}.') from None
    return SampleIndex(facts, arrays, str(path))


def _array(mapped: np.ndarray, offset: int, dtype: str, shape: list[int]) -> np.ndarray:
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if offset + size > len(mapped):
        raise ValueError(f'it ends at byte {len(mapped)}, before {offset + size}')
    return mapped[offset : offset + size].view(dtype).reshape(shape)
