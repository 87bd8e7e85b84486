"""All processes of a training load the same checkpoint, or all stop."""

from __future__ import annotations

from typing import Any

from mmengine.dist import all_gather_object

from uninext.checkpoint import fingerprint, load_file
from uninext.utils.files import FileError


def load_same_file(path: str, map_location: Any = 'cpu') -> dict[str, Any]:
    """Load a checkpoint in every process, as :func:`load_file` does.

    On a network file system one may see an older file of that name, or none.

    Raises:
        FileError: In all processes, if one cannot read it or reads something else.
    """
    failure, content, mine = None, {}, ''
    try:
        content, mine = load_file(path, map_location), fingerprint(path)
    except FileError as error:
        failure = error
    seen = all_gather_object(mine)
    if failure is not None:
        raise failure
    if len(set(seen)) > 1:
        others = [rank for rank, other in enumerate(seen) if other != seen[0]]
        raise FileError(
            f'{path} is not the same file in all processes: in {others} it is another '
            'than in process 0, or cannot be read. Wait until their file system shows '
            'all of them the same, or copy it to each machine, and start again.'
        )
    return content
