"""Files that Label Studio serves, on the disk: of local storage, or uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LOCAL_PATH, UPLOAD_PATH = '/data/local-files', '/data/upload/'


def served_file(url: str, folders: Mapping[str, Path | None]) -> Path:
    """The file that a task shows.

    Args:
        url: As the task has it.
        folders: ``files``, that of local storage, and ``media`` of Label Studio's own
            data; None where it is not given.

    Raises:
        ValueError: If it is not in the folders.
    """
    parts = urlsplit(url)
    if parts.path.rstrip('/') == LOCAL_PATH:
        option, name = 'files', parse_qs(parts.query).get('d', [''])[0]
    elif parts.path.startswith(UPLOAD_PATH):
        option, name = 'media', unquote(parts.path).removeprefix('/data/')
    else:
        raise ValueError(
            f'The task shows {url!r}; files are read from local storage '
            f'({LOCAL_PATH}) and of uploads ({UPLOAD_PATH}).'
        )
    folder = folders[option]
    if folder is None:
        raise ValueError(f'The task shows {url!r}: give its folder by --{option}.')
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise ValueError(f'There is no file {name!r} in --{option} {folder}.')
    return path
