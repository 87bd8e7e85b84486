"""Metrics as pure functions: numpy arrays enter, numbers leave.

``masks``: polygons and RLE of annotation files -> arrays.
``referring``: overlaps of one answer with one target, and their summary over a set.
"""

from uninext.evaluation.functional.masks import decode_segmentation
from uninext.evaluation.functional.referring import (
    PRECISION_THRESHOLDS,
    Overlap,
    box_overlap,
    mask_overlap,
    summarize_overlaps,
)

__all__ = [
    'PRECISION_THRESHOLDS',
    'Overlap',
    'box_overlap',
    'decode_segmentation',
    'mask_overlap',
    'summarize_overlaps',
]
