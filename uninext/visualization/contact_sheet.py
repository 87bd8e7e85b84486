"""Many pictures on one sheet, to be seen at a glance."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from uninext.visualization.drawing import BAR_COLOR


def make_contact_sheet(
    pictures: Sequence[np.ndarray], num_columns: int = 4, cell_width: int = 320
) -> np.ndarray:
    """Lay pictures out in rows, in order.

    Args:
        pictures: (H_i, W_i, 3) uint8 RGB each; sizes may differ.
        num_columns: Cells in a row.
        cell_width: Every picture is scaled to this width, pixels.

    Returns:
        (H, W, 3) uint8 RGB; a row is as high as its highest picture.

    Raises:
        ValueError: If there is no picture, or a number is below 1.
    """
    if not pictures:
        raise ValueError('A contact sheet needs at least one picture, got none.')
    if num_columns < 1 or cell_width < 1:
        raise ValueError(
            'num_columns and cell_width must be at least 1, got '
            f'{num_columns} and {cell_width}.'
        )
    gap = max(2, cell_width // 64)
    num_columns = min(num_columns, len(pictures))
    sheet_width = num_columns * (cell_width + gap) + gap
    rows = [np.full((gap, sheet_width, 3), BAR_COLOR, np.uint8)]
    for start in range(0, len(pictures), num_columns):
        cells = [
            _scale_to_width(picture, cell_width)
            for picture in pictures[start : start + num_columns]
        ]
        row_height = max(len(cell) for cell in cells) + gap
        row = np.full((row_height, sheet_width, 3), BAR_COLOR, np.uint8)
        for i, cell in enumerate(cells):
            left = gap + i * (cell_width + gap)
            row[: len(cell), left : left + cell_width] = cell
        rows.append(row)
    return np.concatenate(rows)


def _scale_to_width(picture: np.ndarray, width: int) -> np.ndarray:
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    shrinks = width < picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=method)
