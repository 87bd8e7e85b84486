"""Read and write the files of the converters, whole or not at all.

Downloads in; plain Python data out, and JSON files that are never half-written.
"""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from uninext.formats.errors import DatasetError

T = TypeVar('T')
# what pickle raises on bytes that are not a pickle
_DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError)


def write_json(content: Any, path: Path) -> None:
    """Write a JSON file whole or not at all."""
    write_chunks([json.dumps(content)], path)


def write_chunks(chunks: Iterable[str], path: Path) -> None:
    """Write a text file whole or not at all, its folders included.

    The text goes to a temporary file beside it that takes its name when complete: after
    a kill or a full disk the file is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    try:
        with temporary.open('w', encoding='utf-8') as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DatasetError: If it is absent or damaged.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise DatasetError(f'{path} does not exist.') from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f'{path} is not valid JSON: {error}') from error


def load_plain_pickle(path: Path) -> Any:
    """Unpickle a file that holds only containers, numbers and strings.

    Raises:
        DatasetError: If the file is absent, damaged, or asks for anything else: a
            pickle can run any code, so nothing but plain data is accepted.
    """
    try:
        return _PlainUnpickler(
            io.BytesIO(path.read_bytes()), encoding='utf-8', errors='replace'
        ).load()
    except FileNotFoundError:
        raise DatasetError(
            f'{path} does not exist. Expected the REFER download with refcoco/, '
            'refcoco+/ and refcocog/, each with instances.json and refs(...).p.'
        ) from None
    except _DAMAGED as error:
        raise DatasetError(f'{path} is not a plain pickle: {error}') from error


def tracked(records: Sequence[T], unit: str, progress: bool = True) -> Iterable[T]:
    """Iterate with a progress bar, where a person watches.

    Args:
        records: What is iterated over.
        unit: What one record is, in the plural.
        progress: False shows no bar; True shows it in a terminal, not in a file.
    """
    return tqdm(records, unit=f' {unit}', disable=None if progress else True)


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(
            f'it asks for {module}.{name}; only lists, dictionaries, numbers and '
            'strings are accepted'
        )
