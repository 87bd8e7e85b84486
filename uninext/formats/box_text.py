"""One box a frame as lines of text, and flags of frames, as single-object sets have."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import parse_json, read_text


def read_boxes(path: str | Path) -> np.ndarray:
    """Read a file of boxes.

    Args:
        path: Text of ``x,y,w,h`` lines, or JSON of the OTB toolkit.

    Returns:
        (T, 4) xywh pixels; NaN where the file says so.

    Raises:
        DatasetError: If a line is not four numbers.
    """
    text = read_text(path)
    if Path(path).suffix == '.json':
        return _read_otb_json(text, path)
    boxes = []
    for number, line in enumerate(text.strip().splitlines(), start=1):
        words = re.split(r'[,;\s]+', line.strip(' ,;\t'))
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        boxes.append(_checked_box(values, f'{path}, line {number}', line))
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def box_lines(rows: np.ndarray) -> str:
    """Lines of numbers with commas between them, which are read as the same numbers.

    Args:
        rows: (T, 4) xywh, NaN where nothing was found; or other numbers of frames.
    """
    return ''.join(','.join(map(repr, row)) + '\n' for row in rows.tolist())


def read_flags(path: Path, num_frames: int) -> np.ndarray:
    """Read a number a frame: (T,) bool, False for 0.

    Args:
        path: Text; comma, blank, semicolon or end of line between numbers.
        num_frames: How many there must be.

    Raises:
        DatasetError: If there are more or fewer, or one is no number.
    """
    words = [word for word in re.split(r'[,;\s]+', read_text(path)) if word]
    if len(words) != num_frames:
        raise DatasetError(f'{path} has {len(words)} flags for {num_frames} frames.')
    try:
        return np.array([float(word) != 0 for word in words], dtype=bool)
    except ValueError:
        raise DatasetError(f'{path} must hold one number a frame.') from None


def _read_otb_json(text: str, path: str | Path) -> np.ndarray:
    runs = parse_json(text, path)
    if not isinstance(runs, list) or not all(
        isinstance(run, dict) and 'res' in run for run in runs
    ):
        raise DatasetError(
            f'{path}: expected one run of the OTB toolkit, a list with an object that '
            "has 'res'."
        )
    if len(runs) != 1:
        raise DatasetError(
            f'{path} is not one run of the OTB toolkit, but {len(runs)}.'
        )
    if runs[0].get('resType', 'rect') != 'rect':
        raise DatasetError(f"{path} holds {runs[0]['resType']!r}; only 'rect' is read.")
    rows = runs[0]['res']
    if not isinstance(rows, list):
        raise DatasetError(f"{path}: 'res' must be a list of boxes.")
    boxes = [
        _checked_box(row, f"{path}, row {index} of 'res'", row)
        for index, row in enumerate(rows)
    ]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _checked_box(values: Any, place: str, given: Any) -> list[float]:
    """Four numbers; NaN says that there is no box."""
    is_box = (
        isinstance(values, list)
        and len(values) == 4
        and all(isinstance(value, (int, float)) for value in values)
    )
    if not is_box:
        raise DatasetError(
            f'{place}: expected the four numbers x, y, w, h, got {str(given)[:60]!r}. '
            'Write NaN,NaN,NaN,NaN where nothing was found.'
        )
    if any(abs(value) > sys.float_info.max for value in values):  # False for NaN
        raise DatasetError(f'{place}: a box is finite or NaN, got {str(given)[:60]!r}.')
    return values
