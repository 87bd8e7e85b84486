"""Pack checked result files into zip files for benchmark servers."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image

from uninext.formats.rle import to_rle
from uninext.utils.files import replacing


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
        r'([^/]+)/\1_(001|time)\.txt', '<sequence>/<sequence>_001.txt', 'got10k'
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


def write_submission(
    path: str | Path,
    files: Iterable[str],
    folder: str | Path,
    layout: str,
    num_lines: Mapping[str, int] | None = None,
) -> Path:
    """Pack result files for a server and check the zip.

    Args:
        path: Of the zip.
        files: Names within ``folder``; the same in the zip.
        folder: Where they are.
        layout: One of ``LAYOUTS``.
        num_lines: As of :func:`check_submission`.

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
    with replacing(path) as unfinished:
        with zipfile.ZipFile(unfinished, 'w', zipfile.ZIP_DEFLATED) as archive:
            for name in files:
                archive.write(folder / name, name)
        check_submission(unfinished, layout, files, num_lines)
    return path


def check_submission(
    path: str | Path,
    layout: str,
    expected: Iterable[str] | None = None,
    num_lines: Mapping[str, int] | None = None,
) -> int:
    """Check a zip against what the server takes.

    Args:
        path: Of the zip.
        layout: One of ``LAYOUTS``.
        expected: Names that must be in it, no more and no less; any if None.
        num_lines: Frames of the sequence of a text file, by its name in the zip, where
            they are known. Boxes and times of GOT-10k must be equally many in any case.

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
            if problem := CONTENT_CHECKS[rule.check](name, archive.read(name)):
                raise ValueError(f'{name} in {path}: {problem}.')
        _check_num_lines(archive, dict(num_lines or {}))
    return len(names)


def _check_num_lines(archive: zipfile.ZipFile, num_lines: dict[str, int]) -> None:
    found = {
        name: len(archive.read(name).strip().splitlines())
        for name in archive.namelist()
        if name.endswith('.txt')
    }
    for name in found:
        boxes = name.replace('_time.txt', '_001.txt')
        if boxes != name and boxes in found:
            num_lines.setdefault(name, found[boxes])
    for name, expected in num_lines.items():
        if found.get(name) != expected:
            raise ValueError(
                f'{name} in {archive.filename} has {found.get(name, "no")} lines; '
                f'expected {expected}, one a frame.'
            )


def _check_boxes(name: str, content: bytes) -> str | None:
    """Lines x, y, width, height in pixels."""
    return _check_lines(content, columns=4)


def _check_got10k(name: str, content: bytes) -> str | None:
    """Boxes, or seconds a frame."""
    return _check_lines(content, columns=1 if name.endswith('_time.txt') else 4)


def _check_lines(content: bytes, columns: int) -> str | None:
    """Finite numbers; sizes, the third and fourth, and seconds are not negative."""
    try:
        lines = content.decode().strip().splitlines()
    except UnicodeDecodeError:
        return 'not a text'
    for number, line in enumerate(lines, start=1):
        try:
            values = [float(word) for word in line.split(',')]
        except ValueError:
            return f'line {number} is not numbers with commas: {line[:40]!r}'
        if len(values) != columns:
            return f'line {number} has {len(values)} numbers; expected {columns}'
        if not all(map(math.isfinite, values)):
            return f'line {number} has a number that is not finite: {line[:40]!r}'
        if min(values[2:] or values) < 0:
            what = 'size' if columns == 4 else 'time'
            return f'line {number} has a negative {what}: {line[:40]!r}'
    return None if lines else 'no line'


def _check_png(name: str, content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content), formats=['PNG']) as image:
            image.verify()
    except (OSError, SyntaxError) as error:
        return f'not a PNG, or damaged: {error}'
    return None


def _check_tubes(name: str, content: bytes) -> str | None:
    """Results of YouTube-VIS: finite scores, whole masks, one length a video."""
    keys = ('video_id', 'score', 'category_id', 'segmentations')
    try:
        results = json.loads(content, parse_constant=_refuse_constant)
    except ValueError as error:
        return f'not JSON: {error}'
    if not isinstance(results, list) or not all(
        isinstance(result, dict) and set(keys) <= result.keys() for result in results
    ):
        return f'not a list of objects with {keys}'
    lengths: dict[Any, int] = {}
    for number, result in enumerate(results):
        masks, score = result['segmentations'], result['score']
        if type(score) not in (int, float) or not math.isfinite(score):
            return f'result {number} has the score {score!r}; expected a finite number'
        if not isinstance(masks, list):
            return f'result {number} has no list of segmentations'
        length = lengths.setdefault(result['video_id'], len(masks))
        if len(masks) != length:
            return (
                f'result {number} has {len(masks)} segmentations, others of video '
                f'{result["video_id"]} have {length}; expected one a frame, or null'
            )
        for frame, mask in enumerate(masks):
            if problem := _problem_of_mask(mask):
                return f'result {number}, frame {frame}: {problem}'
    return None


def _problem_of_mask(mask: Any) -> str | None:
    if mask is None:
        return None
    size = mask.get('size') if isinstance(mask, dict) else None
    if not (
        isinstance(size, list)
        and [type(side) for side in size] == [int, int]
        and min(size) > 0
    ):
        return 'expected an RLE with a size [height, width], or null'
    try:
        to_rle({'counts': None, **mask}, *size)
    except ValueError as error:
        return str(error).rstrip('.')
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f'it has the number {name}, which JSON has not')


CONTENT_CHECKS = {
    'boxes': _check_boxes,
    'got10k': _check_got10k,
    'png': _check_png,
    'tubes': _check_tubes,
}
