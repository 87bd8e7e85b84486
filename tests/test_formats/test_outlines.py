"""Polygons cover what masks cover, by an independent rasteriser."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import ellipse, polygon2mask

from uninext.formats.outlines import joined_outline, outline_of, outlines_of
from uninext.formats.rle import encode_mask

SHAPE = (60, 80)


def covered(points: np.ndarray) -> np.ndarray:
    """A pixel is where its centre is."""
    return polygon2mask(SHAPE, points[:, ::-1] - 0.5)


def test_nothing():
    assert outlines_of(encode_mask(np.zeros(SHAPE, bool))) == []
    assert outline_of(None) is None
    assert joined_outline([]) is None


def test_a_pixel_is_too_small():
    mask = np.zeros(SHAPE, bool)
    mask[5, 7] = True
    assert outline_of(encode_mask(mask)) is None


def test_parts_are_joined_by_lines_without_width():
    mask = np.zeros(SHAPE, bool)
    mask[ellipse(20, 20, 12, 9)] = mask[40:55, 50:70] = mask[5:12, 60:75] = True
    parts = outlines_of(encode_mask(mask))
    areas = [covered(part).sum() for part in parts]
    assert areas == sorted(areas, reverse=True)
    assert len(areas) == 3
    both = covered(outline_of(encode_mask(mask)))
    assert (both & mask).sum() / (both | mask).sum() > 0.95
    assert len(outline_of(encode_mask(mask))) == sum(map(len, parts)) + 4


@pytest.mark.parametrize('shift', [0, 1])
def test_rectangles_are_their_corners(shift):
    mask = np.zeros(SHAPE, bool)
    mask[4 : 20 + shift, 6:30] = True
    outline = outline_of(encode_mask(mask))
    assert len(outline) == 4
    assert outline.min(0) == pytest.approx([6, 4], abs=0.5)
    assert outline.max(0) == pytest.approx([30, 20 + shift], abs=0.5)
