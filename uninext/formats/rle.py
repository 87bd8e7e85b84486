"""Masks as annotation files write them <-> arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

MAX_PIXELS = 1 << 30  # of an image, as OpenCV has it
MAX_COORDINATE = 1e5  # of a polygon; pycocotools writes beyond its memory at 1e9
_REAL = (int, float, np.integer)
_TOO_LARGE = "The 'counts' of a mask hold a number larger than any image."


def decode_segmentation(
    segmentation: list | dict, height: int, width: int
) -> np.ndarray:
    """Turn a COCO segmentation into a mask.

    Args:
        segmentation: Polygons ``[[x1, y1, x2, y2, ...], ...]`` in pixels, or an RLE
            with its counts as text, bytes or a list.
        height: Of the image.
        width: Of the image.

    Returns:
        (H, W) bool, True on the object.

    Raises:
        ValueError: If an RLE belongs to an image of another size, or is damaged, or
            polygons are none.
    """
    return mask_utils.decode(to_rle(segmentation, height, width)).astype(bool)


def to_rle(segmentation: list | dict, height: int, width: int) -> dict[str, Any]:
    """Turn a COCO segmentation into pycocotools' run-length code.

    The runs of an RLE are counted first: pycocotools loops for ever, or reads beyond
    its memory, where they do not fill the image.

    Arguments and errors of :func:`decode_segmentation`.
    """
    height, width = _checked_size(height, width)
    if isinstance(segmentation, list):
        _check_polygons(segmentation)
        return mask_utils.merge(mask_utils.frPyObjects(segmentation, height, width))
    size = segmentation['size']
    size = tuple(size) if isinstance(size, (list, tuple)) else size
    if size != (height, width):
        raise ValueError(
            f'A mask has the size {size} (H, W), but its '
            f'image is {(height, width)}. Check height and width in the '
            'annotation file.'
        )
    runs = run_lengths(segmentation['counts'])
    is_within = (runs >= 0).all() and (runs <= height * width).all()
    if not is_within or runs.sum() != height * width:
        raise ValueError(
            f"The 'counts' of a mask make {int(runs.sum())} pixels in {len(runs)} runs"
            f'{", some of negative length" if (runs < 0).any() else ""}, its image has '
            f'{height} x {width} = {height * width}. The RLE is damaged or cut off: '
            'write the file again.'
        )
    if isinstance(segmentation['counts'], list):
        return mask_utils.frPyObjects(segmentation, height, width)
    return segmentation


def run_lengths(counts: list[int] | str | bytes) -> np.ndarray:
    """Read the run lengths of an RLE, compressed or not.

    Source: pycocotools ``maskApi.c``, ``rleFrString``: little-endian groups of five
    bits; from the fourth run on the difference to the run before the last.

    Args:
        counts: ``counts`` of COCO: a list of lengths, or its compressed text.

    Returns:
        (R,) int64, lengths in pixels: background, object, background, ...

    Raises:
        ValueError: If it is neither, or the text breaks off within a number.
    """
    if isinstance(counts, list):
        runs = np.array(counts)
        if runs.ndim != 1 or (runs.size and runs.dtype.kind not in 'iu'):
            raise ValueError("The 'counts' of a mask must be whole numbers or a text.")
        if len(counts) and not -MAX_PIXELS <= min(counts) <= max(counts) <= MAX_PIXELS:
            raise ValueError(_TOO_LARGE)
        return runs.astype(np.int64)
    if isinstance(counts, str):
        counts = counts.encode('ascii', 'replace')
    if not isinstance(counts, bytes):
        raise ValueError(
            f"The 'counts' of a mask must be a text or a list of whole numbers, got "
            f'{type(counts).__name__}.'
        )
    digits = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    if not digits.size:
        return np.zeros(0, dtype=np.int64)
    ends = np.flatnonzero(digits & 0x20 == 0)
    if (
        (digits < 0).any()
        or (digits > 63).any()
        or ends.size == 0
        or (ends[-1] + 1 < digits.size)
    ):
        raise ValueError(
            "The 'counts' of a mask break off within a number, or hold characters "
            'that no run-length code has. Write the file again.'
        )
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(digits.size) - np.repeat(starts, ends - starts + 1)
    if places.max() > 6:  # 35 bits: larger than any image
        raise ValueError(_TOO_LARGE)
    runs = np.add.reduceat((digits & 0x1F) << (5 * places), starts)
    runs -= np.where(digits[ends] & 0x10, 1 << (5 * (places[ends] + 1)), 0)
    for first in (1, 2):
        runs[first::2] = runs[first::2].cumsum()
    return runs


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """Turn a mask into an RLE that JSON can hold.

    Args:
        mask: (H, W) bool, True on the object.

    Returns:
        ``{'size': [H, W], 'counts': str}``.
    """
    return rle_as_json(mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8)))


def rle_as_json(rle: dict[str, Any]) -> dict[str, Any]:
    """The same RLE as JSON can hold it: pycocotools' counts are bytes."""
    counts = rle['counts']
    return {
        'size': [int(side) for side in rle['size']],
        'counts': counts.decode() if isinstance(counts, bytes) else counts,
    }


def _checked_size(*sides: Any) -> tuple[int, int]:
    """Height and width of an image as whole numbers."""
    is_whole = all(isinstance(s, _REAL) and s >= 1 and s % 1 == 0 for s in sides)
    if not is_whole or sides[0] * sides[1] > MAX_PIXELS:
        raise ValueError(
            f'The image of a mask has the size {sides!r:.60} (height, width); expected '
            f'whole numbers from 1, of {MAX_PIXELS:,} pixels at most.'
        )
    return int(sides[0]), int(sides[1])


def _check_polygons(polygons: list) -> None:
    """Three points or more each, near the image."""
    for polygon in polygons or [None]:
        try:
            values = np.asarray(polygon, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.zeros(0)
        is_outline = values.ndim == 1 and values.size >= 6 and values.size % 2 == 0
        if not is_outline or not (np.abs(values) <= MAX_COORDINATE).all():
            raise ValueError(
                'A polygon of a mask must be [x1, y1, x2, y2, x3, y3, ...], pixels to '
                f'{MAX_COORDINATE:g}, got {polygon!r:.60}.'
            )
