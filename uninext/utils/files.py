"""Write files whole or not at all, and tell people why one cannot be used.

Free of torch, so that every room may use it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

TMP_SUFFIX = '.tmp'


class FileError(ValueError):
    """A file cannot be read or written; the message says why and what to do."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike, advice: str = '') -> Iterator[Path]:
    """Give a temporary path that takes the place of ``path`` if the block succeeds.

    A process killed inside the block, or a disk that is full, leaves what was at
    ``path`` before as it was.

    Args:
        path: File to write.
        advice: What to do if it cannot be written.

    Raises:
        FileError: If writing fails; names the file and the cause.
    """
    path = Path(path)
    temporary = path.with_name(path.name + TMP_SUFFIX)
    try:
        yield temporary
        with open(temporary, 'rb') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        advice = advice or 'Make room, or give another place. Nothing was replaced.'
        raise FileError(
            f'{path} could not be written: {error.strerror or error}. {advice}'
        ) from error


def sha256_of(path: str | os.PathLike) -> str:
    """Checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
