"""Many images on one sheet, to be seen at a glance."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from uninext.visualization.palette import BAR_COLOR


def make_contact_sheet(
    images: Sequence[np.ndarray], num_columns: int = 4, cell_width: int = 320
) -> np.ndarray:
    """Lay images out in rows, in order.

    Args:
        images: (H_i, W_i, 3) uint8 RGB each; sizes may differ.
        num_columns: Cells in a row.
        cell_width: Every image is scaled to this width, pixels.

    Returns:
        (H, W, 3) uint8 RGB; a row is as high as its highest image.

    Raises:
        ValueError: If there is no image, or a number is below 1.
    """
    if not images:
        raise ValueError('A contact sheet needs at least one image, got none.')
    if num_columns < 1 or cell_width < 1:
        raise ValueError(
            'num_columns and cell_width must be at least 1, got '
            f'{num_columns} and {cell_width}.'
        )
    gap = max(2, cell_width // 64)
    num_columns = min(num_columns, len(images))
    sheet_width = num_columns * (cell_width + gap) + gap
    rows = [np.full((gap, sheet_width, 3), BAR_COLOR, np.uint8)]
    for start in range(0, len(images), num_columns):
        shown = images[start : start + num_columns]
        cells = [_scale_to_width(image, cell_width) for image in shown]
        row_height = max(len(cell) for cell in cells) + gap
        row = np.full((row_height, sheet_width, 3), BAR_COLOR, np.uint8)
        for i, cell in enumerate(cells):
            left = gap + i * (cell_width + gap)
            row[: len(cell), left : left + cell_width] = cell
        rows.append(row)
    return np.concatenate(rows)


def _scale_to_width(image: np.ndarray, width: int) -> np.ndarray:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    shrinks = width < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)
