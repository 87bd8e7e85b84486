"""Reading of downloads: plain pickles, and a progress bar."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from uninext.formats.errors import DatasetError

T = TypeVar('T')
# what pickle raises on bytes that are not a pickle
_DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError)


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
