"""Masks as annotation files write them <-> arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as mask_utils


def decode_segmentation(
    segmentation: list | dict, height: int, width: int
) -> np.ndarray:
    """Turn a COCO segmentation into a mask.

    Args:
        segmentation: Polygons ``[[x1, y1, x2, y2, ...], ...]`` in pixels, or an RLE
            with its counts as text, bytes or a list.
        height: Of the picture.
        width: Of the picture.

    Returns:
        (H, W) bool, True on the object.

    Raises:
        ValueError: If an RLE belongs to a picture of another size.
    """
    return mask_utils.decode(to_rle(segmentation, height, width)).astype(bool)


def to_rle(segmentation: list | dict, height: int, width: int) -> dict[str, Any]:
    """Turn a COCO segmentation into pycocotools' run-length code.

    Arguments and errors of :func:`decode_segmentation`.
    """
    if isinstance(segmentation, list):
        return mask_utils.merge(mask_utils.frPyObjects(segmentation, height, width))
    if tuple(segmentation['size']) != (height, width):
        raise ValueError(
            f'A mask has the size {tuple(segmentation["size"])} (H, W), but its '
            f'picture is {(height, width)}. Check height and width in the '
            'annotation file.'
        )
    if isinstance(segmentation['counts'], list):
        return mask_utils.frPyObjects(segmentation, height, width)
    return segmentation


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """Turn a mask into an RLE that JSON can hold.

    Args:
        mask: (H, W) bool, True on the object.

    Returns:
        ``{'size': [H, W], 'counts': str}``.
    """
    rle = mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {
        'size': [int(side) for side in rle['size']],
        'counts': rle['counts'].decode(),
    }
