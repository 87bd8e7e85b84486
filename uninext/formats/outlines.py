"""Masks as polygons, which labelling tools let people correct point by point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as mask_utils

TOLERANCE = 0.75  # pixels that a polygon may be off the edge of its mask


def outlines_of(mask: dict[str, Any]) -> list[np.ndarray]:
    """Polygons around the parts of a mask, the largest first; holes are filled.

    They are drawn on a mask of double size, where the edges of pixels, not their
    centres, are within half a pixel of them.

    Args:
        mask: COCO RLE with compressed counts.

    Returns:
        (P, 2) xy each, pixels; none of parts that are too small for three points.
    """
    import cv2  # converters and `uninext eval` start without it

    doubled = mask_utils.decode(mask).repeat(2, axis=0).repeat(2, axis=1)
    parts, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    parts = sorted(parts, key=cv2.contourArea, reverse=True)
    outlines = [cv2.approxPolyDP(part, 2 * TOLERANCE, True)[:, 0] for part in parts]
    return [(outline + 0.5) / 2 for outline in outlines if len(outline) >= 3]


def joined_outline(outlines: Sequence[np.ndarray]) -> np.ndarray | None:
    """One polygon that covers several, joined by lines without width.

    Args:
        outlines: (P, 2) each.

    Returns:
        (P, 2); None of none.
    """
    if not outlines:
        return None
    whole, *others = outlines
    for other in others:
        apart = np.linalg.norm(whole[:, None] - other, axis=-1)
        here, there = np.unravel_index(apart.argmin(), apart.shape)
        around = np.roll(other, -there, axis=0)
        parts = whole[: here + 1], around, around[:1], whole[here:]
        whole = np.concatenate(parts)
    return whole


def outline_of(mask: dict[str, Any] | None) -> np.ndarray | None:
    """A mask, COCO RLE, as one polygon (P, 2) xy in pixels.

    None where there is no mask, or it is too small for a polygon.
    """
    return joined_outline(outlines_of(mask)) if mask else None
