"""Tracks as lines of text: boxes of MOTChallenge, masks of MOTS."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import read_text
from uninext.formats.rle import to_rle

NUM_COLUMNS = (6, 10)  # fewest; most
MOTS_FIELDS = 6
MAX_FRAME = 10_000_000  # days at 30 frames a second
MAX_ID = 2**53  # to which a float counts
_EXACT = f'expected frames to {MAX_FRAME:,}, ids and classes to {MAX_ID:,}'
_MOST_DIGITS = 20
CONSIDERED, CLASS, LAST = 6, 7, 9  # columns of MOTChallenge, from 0


@dataclass(frozen=True)
class MotTable:
    """Boxes of a sequence.

    Attributes:
        path: Of the file.
        rows: (N, 10) frame, id, x, y, w, h in pixels and what follows: score or
            whether it is considered, class, visibility, ...; -1 where a line is
            shorter.
        lines: (N,) int, numbers of the lines, from 1.
        num_columns: (N,) int, how many numbers a line has.
    """

    path: Path
    rows: np.ndarray
    lines: np.ndarray
    num_columns: np.ndarray

    @property
    def classes(self) -> np.ndarray | None:
        """(N,) int; None where the file has none.

        The columns 8 to 10 of MOT15 are a place in the world.

        Raises:
            DatasetError: If a class is not a whole number from 1.
        """
        rows = self.rows
        if (rows[:, CLASS] == -1).all() or (rows[:, LAST] != -1).any():
            return None
        wrong = (rows[:, CLASS] < 1) | (rows[:, CLASS] % 1 != 0)
        if wrong.any():
            raise DatasetError(
                f'{self.path}, line {self.lines[wrong][0]}: expected a class from 1 in '
                f'column 8, got {rows[wrong][0, CLASS]:g}.'
            )
        return rows[:, CLASS].astype(np.int64)


@dataclass(frozen=True)
class MotsTable:
    """Masks of a sequence.

    Attributes:
        path: Of the file.
        frames: (N,) int, from 1.
        ids: (N,) int.
        classes: (N,) int.
        rles: N masks, each of the size that its line states.
        lines: (N,) int, numbers of the lines, from 1.
    """

    path: Path
    frames: np.ndarray
    ids: np.ndarray
    classes: np.ndarray
    rles: list[dict[str, Any]]
    lines: np.ndarray


def read_mot(path: str | Path) -> MotTable:
    """Read lines ``frame, id, x, y, w, h, ...``; commas or blanks between numbers.

    Raises:
        DatasetError: If a line has not 6 to 10 finite numbers, frame or id are not
            whole, a frame is less than 1, or a box has a negative side.
    """
    rows, lines, num_columns = [], [], []
    fewest, most = NUM_COLUMNS
    layout = (
        f'expected {fewest} to {most} numbers (frame, id, x, y, w, h, ...; '
        'frame from 1 and id whole, all finite, sides not negative)'
    )
    for number, line in _lines_of(path):
        try:
            values = [float(word) for word in re.split(r'[,\s]+', line.strip(' ,\t'))]
        except ValueError:
            values = []
            if _looks_like_mots(line):
                _fail(path, number, line, f'{layout}; masks are for the format mots')
        if not fewest <= len(values) <= most or not np.isfinite(values).all():
            _fail(path, number, line, layout)
        if values[0] < 1 or values[0] % 1 or values[1] % 1 or min(values[4:6]) < 0:
            _fail(path, number, line, layout)
        if not _are_exact(values[0], values[1], *values[CLASS : CLASS + 1]):
            _fail(path, number, line, _EXACT)
        num_columns.append(len(values))
        rows.append(values + [-1.0] * (most - len(values)))
        lines.append(number)
    table = np.array(rows).reshape(-1, most)
    return MotTable(Path(path), table, np.array(lines, int), np.array(num_columns, int))


def mot_line(
    frame: int, track: int, box_xywh: Sequence[float], score: float, label: int = -1
) -> str:
    """A line ``frame,id,x,y,w,h,score,class,-1,-1``, without its end.

    Args:
        frame: From 1.
        track: Id of the object.
        box_xywh: In pixels; written so that the same numbers are read.
        score: Of the prediction.
        label: Class from 1; -1 for none.
    """
    box = ','.join(map(_as_text, box_xywh))
    return f'{frame},{track},{box},{score:.4f},{label},-1,-1'


def mot_truth_line(
    frame: int, track: int, box_xywh: Sequence[float], label: int
) -> str:
    """A line of ground truth, ``frame,id,x,y,w,h,1,class,1``, without its end.

    Args:
        frame: From 1.
        track: Id of the object, from 1.
        box_xywh: In pixels; to a hundredth of one.
        label: Class from 1.
    """
    box = ','.join(f'{side:.2f}' for side in box_xywh)
    return f'{frame},{track},{box},1,{label},1'


def read_mots(path: str | Path) -> MotsTable:
    """Read lines ``frame id class height width rle``.

    Raises:
        DatasetError: If a line is not of the layout, or a mask is damaged.
    """
    numbers: list[list[int]] = []
    lines, rles = [], []
    layout = 'expected "frame id class height width rle" (frame from 1, whole numbers)'
    for number, line in _lines_of(path):
        words = line.split()
        if ',' in line and _is_numbers(re.split(r'[,\s]+', line.strip(' ,\t'))):
            _fail(path, number, line, f'{layout}; boxes are for the format mot')
        if not _looks_like_mots(line):
            _fail(path, number, line, layout)
        values = [int(word) for word in words[:-1]]
        if not _are_exact(*values[:3]):
            _fail(path, number, line, _EXACT)
        if values[0] < 1 or min(values[3:]) < 1:
            _fail(path, number, line, layout)
        size = values[3], values[4]
        try:
            rles.append(to_rle(dict(size=list(size), counts=words[-1]), *size))
        except ValueError as error:
            raise DatasetError(f'{path}, line {number}: {error}') from None
        numbers.append(values[:3])
        lines.append(number)
    frames, ids, classes = np.array(numbers, dtype=np.int64).reshape(-1, 3).T
    return MotsTable(Path(path), frames, ids, classes, rles, np.array(lines, int))


def mots_line(frame: int, track: int, label: int, rle: Mapping[str, Any]) -> str:
    """A line ``frame id class height width rle``, without its end.

    Args:
        frame: From 1.
        track: Id of the object.
        label: Its class.
        rle: Its mask, with its counts as text.
    """
    height, width = rle['size']
    return f'{frame} {track} {label} {height} {width} {rle["counts"]}'


def _lines_of(path: str | Path) -> list[tuple[int, str]]:
    """Lines with something in them, and their numbers from 1."""
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [(number, line) for number, line in lines if line.strip()]


def _as_text(value: float) -> str:
    """Two decimals as usual, or as many as it takes to read the same number."""
    short = f'{value:.2f}'
    return short if float(short) == value else repr(float(value))


def _looks_like_mots(line: str) -> bool:
    words = line.split()
    return len(words) == MOTS_FIELDS and all(
        w.isdecimal() and len(w) <= _MOST_DIGITS for w in words[:-1]
    )


def _are_exact(frame: float, *ids: float) -> bool:
    """Whether a video may have the frame, and ids and classes are exact as floats."""
    return frame <= MAX_FRAME and all(abs(number) <= MAX_ID for number in ids)


def _is_numbers(words: list[str]) -> bool:
    try:
        return bool([float(word) for word in words])
    except ValueError:
        return False


def _fail(path: str | Path, number: int, line: str, expected: str) -> NoReturn:
    raise DatasetError(f'{path}, line {number}: {expected}, got {line.strip()[:60]!r}.')
