"""One index a file and options: built by one process, mapped by all others.

``PromptCocoDataset`` builds and reads it. It lies in ``.uninext`` beside the annotation
file or, where that cannot be written, in the cache folder; ``UNINEXT_CACHE`` names a
folder to be used instead of both.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mmengine.logging import print_log

from uninext.datasets import index_file, sample_codec, sampling_table, video_annotation
from uninext.datasets.index_file import (
    TMP_SUFFIX,
    BrokenIndexError,
    SampleIndex,
    read_index,
    write_index,
)
from uninext.formats import coco, json_file, json_parts, rle, youtube_vis

FOLDER = '.uninext'
SMALL = 1 << 20  # bytes; files below it are parsed sooner than a lock is taken
_READERS = (
    *(index_file, sample_codec, sampling_table, video_annotation),
    *(coco, json_file, json_parts, rle, youtube_vis),
)
_FOREIGN = {'mmdet', 'mmengine', 'torch', 'typing', 'builtins'}


def index_folders(ann_file: str) -> list[Path]:
    """Where the index of a file may lie, in the order of preference."""
    if chosen := os.environ.get('UNINEXT_CACHE'):
        return [Path(chosen) / 'indices']
    cache = Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser()
    return [Path(ann_file).parent / FOLDER, cache / 'uninext' / 'indices']


def index_key(kind: type, files: Iterable[str], options: dict) -> dict[str, Any] | None:
    """What an index is of; another key is another index.

    Args:
        kind: The class of the dataset. The source of it, of its bases and of what
            reads files is part of the key.
        files: That are read; their paths, sizes, inodes and times of change are.
        options: That decide on the samples.

    Returns:
        JSON; None if there is no file, all are small, or the class cannot be known
        again, which is said.
    """
    try:
        stats = {os.path.realpath(file): os.stat(file) for file in files}
    except OSError:
        return None  # the reader says what is wrong
    if not stats or sum(stat.st_size for stat in stats.values()) < SMALL:
        return None
    try:
        kinds = [k for k in kind.__mro__ if k.__module__.split('.')[0] not in _FOREIGN]
        sources = {inspect.getfile(part) for part in (*kinds, *_READERS)}
        code = hashlib.sha256(b''.join(Path(s).read_bytes() for s in sorted(sources)))
        key = dict(
            files={
                path: [stat.st_size, stat.st_mtime_ns, stat.st_ino]
                for path, stat in stats.items()
            },
            kind=f'{kind.__module__}.{kind.__qualname__}',
            code=code.hexdigest(),
            options=options,
        )
        return json.loads(json.dumps(key, sort_keys=True))
    except (OSError, TypeError, ValueError) as error:
        _say(f'Samples of {kind.__name__} are held in memory, without index: {error}.')
        return None


def shared_index(
    ann_file: str, key: dict[str, Any], build: Callable[[], SampleIndex]
) -> SampleIndex:
    """Map the index of a file, and build it first if there is none.

    Of several processes one builds, under a lock that ends with it; the others wait.
    Where the index cannot be written it is held in memory, which is said.

    Args:
        ann_file: The annotation file.
        key: Of :func:`index_key`.
        build: Makes the index in memory.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    name = f'{Path(ann_file).name}.{digest[:16]}.index'
    paths = [folder / name for folder in index_folders(ann_file)]
    if (found := _found(paths, key)) is not None:
        return found
    built, refused = None, []
    with contextlib.ExitStack() as locks:  # all are kept: others find what is written
        for path in paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                has_lock = _take_lock(path, locks)
            except OSError as error:
                refused.append(f'{path.parent}: {error.strerror or error}')
                continue
            if (found := _found(paths, key)) is not None:
                return found
            if built is None:
                _say(f'{ann_file} is read; its index is then written to {path}.')
                built = build()
                built.facts['key'] = key
            try:
                if has_lock:
                    _remove_leftovers(path)
                write_index(built, path)
                return read_index(path)
            except OSError as error:
                refused.append(f'{path.parent}: {error.strerror or error}')
        _say(
            f'The index of {ann_file} cannot be written ({"; ".join(refused)}): every '
            'process reads the file itself and holds all samples in memory. Make room, '
            'or set UNINEXT_CACHE to a folder that can be written.',
            logging.WARNING,
        )
        return built or build()


def _take_lock(path: Path, locks: contextlib.ExitStack) -> bool:
    """Wait for the lock of an index; False if the file system has no locks."""
    lock = FileLock(f'{path}.lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _say(f'Another process builds {path}; waiting for it.')
        lock.acquire()
    except NotImplementedError:
        return False
    locks.callback(lock.release)
    return True


def _found(paths: Iterable[Path], key: dict[str, Any]) -> SampleIndex | None:
    for path in paths:
        try:
            index = read_index(path)
        except OSError:
            continue
        except BrokenIndexError as error:
            _say(f'{error} It is built anew.', logging.WARNING)
            continue
        if index.facts.get('key') == key:
            return index
    return None


def _remove_leftovers(path: Path) -> None:
    """Remove what builders left that were killed; their lock is ours."""
    for leftover in path.parent.glob(f'{path.name}.*{TMP_SUFFIX}'):
        leftover.unlink(missing_ok=True)


def _say(message: str, level: int = logging.INFO) -> None:
    print_log(message, logger='current', level=level)
