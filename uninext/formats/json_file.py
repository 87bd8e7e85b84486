"""JSON and text files: read with errors that say what to do, written whole."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from uninext.formats.errors import DatasetError
from uninext.formats.json_parts import parse_in_parts
from uninext.utils.files import replacing

LARGE = 1 << 26  # bytes; the text of larger files is not held as a whole


def read_json(
    path: str | Path,
    advice: str = 'Check the path.',
    backend_args: dict[str, Any] | None = None,
    without: Collection[str] = (),
) -> Any:
    """Read a JSON file.

    Args:
        path: Of the file, or a URL that the backend knows.
        advice: What to do if there is no file.
        backend_args: mmengine's file backend; None reads from disk.
        without: Keys that are left out of all objects, as they take memory.

    Raises:
        DatasetError: If it does not exist or is not JSON.
    """
    if backend_args is None:
        with contextlib.suppress(OSError, ValueError):  # what is wrong is said below
            if os.path.getsize(path) >= LARGE:
                return parse_in_parts(path, _hook(without))
        return parse_json(read_text(path, advice), path, without)
    from mmengine.fileio import get_local_path  # needs torch

    with get_local_path(str(path), backend_args=backend_args) as local_path:
        return parse_json(read_text(local_path, advice), path, without)


def parse_json(text: str, path: str | Path, without: Collection[str] = ()) -> Any:
    """Read JSON from text that was found in ``path``, without some keys of objects.

    Raises:
        DatasetError: If it is not JSON.
    """
    try:
        return json.loads(text, object_hook=_hook(without))
    except (ValueError, RecursionError) as error:  # or a number of 5,000 digits
        raise DatasetError(
            f'{path} is not valid JSON: {error}. It may be cut off: write or download '
            'it again.'
        ) from None


def _hook(without: Collection[str]) -> Callable[[dict], dict] | None:
    """The ``object_hook`` that leaves out some keys."""
    dropped = frozenset(without)

    def kept(record: dict[str, Any]) -> dict[str, Any]:
        if dropped.isdisjoint(record):
            return record
        return {k: v for k, v in record.items() if k not in dropped}

    return kept if dropped else None


def is_finite(value: Any) -> bool:
    """Whether a value of a JSON file is a number that a float can hold."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def read_text(path: str | Path, advice: str = 'Check the path.') -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises:
        DatasetError: If it does not exist or is not text.
    """
    try:
        return Path(path).read_text(encoding='utf-8-sig')
    except FileNotFoundError:
        raise DatasetError(f'{path} does not exist. {advice}') from None
    except IsADirectoryError:
        raise DatasetError(f'{path} is a folder; expected a file.') from None
    except UnicodeDecodeError as error:
        raise DatasetError(f'{path} is not a text file: {error}.') from None


def write_json(content: Any, path: str | Path) -> None:
    """Write a JSON file whole or not at all; errors of :func:`write_text`."""
    write_text([json.dumps(content)], path)


def write_text(chunks: Iterable[str], path: str | Path) -> None:
    """Write a text file in UTF-8 whole or not at all, its folders included.

    After a kill or a full disk the file is as it was before.

    Raises:
        FileError: If it cannot be written.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open('w', encoding='utf-8') as file:
        file.writelines(chunks)
