"""Weights that draw images of rare classes more often."""

from __future__ import annotations

import numpy as np

from uninext.datasets.sampling_table import SamplingTable


def class_aware_weights(table: SamplingTable) -> np.ndarray:
    """Weight of an image: sum over its classes of 1 / (number of images with it).

    Drawn so, every class is as likely as any other to be the reason of a draw. Images
    without an object weigh 0.

    Follows: method section 3.3 (stage 1).

    Returns:
        (N,) float64; sums to the number of classes present in the dataset.

    Raises:
        ValueError: If no image has an object.
    """
    if not len(table.labels):
        raise ValueError(
            'Class-aware sampling needs objects, but no image of the dataset has any.'
        )
    rarity = 1.0 / np.maximum(np.bincount(table.labels), 1)
    image = np.repeat(np.arange(len(table)), np.diff(table.offsets))
    return np.bincount(image, weights=rarity[table.labels], minlength=len(table))
