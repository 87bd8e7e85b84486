"""Zip files for benchmark servers: result files enter, a checked zip leaves."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from uninext.evaluation.result_files.reading import is_list_of


@dataclass(frozen=True)
class Layout:
    """What a server expects of a zip.

    Attributes:
        pattern: That every name in it matches.
        example: For messages.
        check: Kind of the content, of ``CONTENT_CHECKS``.
    """

    pattern: str
    example: str
    check: str


LAYOUTS = {
    'trackingnet': Layout(r'[^/]+\.txt', '<sequence>.txt', 'boxes'),
    'got10k': Layout(
        r'([^/]+)/\1_(001|time)\.txt', '<sequence>/<sequence>_001.txt', 'numbers'
    ),
    'ytvos': Layout(
        r'Annotations/[^/]+/[^/]+\.png', 'Annotations/<video>/<frame>.png', 'png'
    ),
    'refytvos': Layout(
        r'Annotations/[^/]+/[^/]+/[^/]+\.png',
        'Annotations/<video>/<expression>/<frame>.png',
        'png',
    ),
    'ytvis': Layout(r'results\.json', 'results.json', 'tubes'),
}
PNG_START = b'\x89PNG\r\n\x1a\n'


def write_submission(
    path: str | Path, files: Iterable[str], folder: str | Path, layout: str
) -> Path:
    """Pack result files for a server and check the zip.

    Args:
        path: Of the zip.
        files: Names within ``folder``; the same in the zip.
        folder: Where they are.
        layout: One of ``LAYOUTS``.

    Returns:
        ``path``.

    Raises:
        ValueError: If a file is not there or the zip is not what the server takes.
    """
    files, folder, path = sorted(set(files)), Path(folder), Path(path)
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f'{len(missing)} of {len(files)} result files are not in {folder} (e.g. '
            f'{missing[0]}). On several machines outfile_prefix must be on a file '
            'system that all of them see.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + '.part')
    with zipfile.ZipFile(unfinished, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            archive.write(folder / name, name)
    check_submission(unfinished, layout, files)
    os.replace(unfinished, path)
    return path


def check_submission(
    path: str | Path, layout: str, expected: Iterable[str] | None = None
) -> int:
    """Check a zip against what the server takes.

    Args:
        path: Of the zip.
        layout: One of ``LAYOUTS``.
        expected: Names that must be in it, no more and no less; any if None.

    Returns:
        How many files it holds.

    Raises:
        ValueError: If it is no zip, empty, or a file in it has another name or
            content than the layout says.
    """
    if layout not in LAYOUTS:
        raise ValueError(f'layout must be one of {sorted(LAYOUTS)}, got {layout!r}.')
    rule = LAYOUTS[layout]
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise ValueError(f'{path} is not a zip file: {error}.') from None
    with archive:
        names = [n for n in archive.namelist() if not n.endswith('/')]
        strange = [n for n in names if not re.fullmatch(rule.pattern, n)]
        if not names or strange:
            found = f'{strange[0]!r}' if strange else 'nothing'
            raise ValueError(f'{path} has {found}; {layout} takes {rule.example}.')
        if expected is not None and set(names) != set(expected):
            odd = sorted(set(names) ^ set(expected))
            raise ValueError(
                f'{path} differs from what is expected in {len(odd)} files, e.g. '
                f'{odd[0]!r}.'
            )
        for name in names:
            if problem := CONTENT_CHECKS[rule.check](archive.read(name)):
                raise ValueError(f'{name} in {path}: {problem}.')
    return len(names)


def _check_boxes(content: bytes) -> str | None:
    return _check_numbers(content, columns=4)


def _check_numbers(content: bytes, columns: int | None = None) -> str | None:
    for number, line in enumerate(content.decode().strip().splitlines(), start=1):
        try:
            values = [float(word) for word in line.split(',')]
        except ValueError:
            return f'line {number} is not numbers with commas: {line[:40]!r}'
        if len(values) not in ([columns] if columns else [1, 4]):
            return f'line {number} has {len(values)} numbers'
    return None if content.strip() else 'no line'


def _check_png(content: bytes) -> str | None:
    return None if content.startswith(PNG_START) else 'not a PNG'


def _check_tubes(content: bytes) -> str | None:
    keys = ('video_id', 'score', 'category_id', 'segmentations')
    try:
        results = json.loads(content)
    except ValueError as error:
        return f'not JSON: {error}'
    return None if is_list_of(results, *keys) else f'not a list of objects with {keys}'


CONTENT_CHECKS = {
    'boxes': _check_boxes,
    'numbers': _check_numbers,
    'png': _check_png,
    'tubes': _check_tubes,
}
