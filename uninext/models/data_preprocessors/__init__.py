"""The data preprocessor: makes a normalised, padded batch of collated images."""

import uninext.registry  # noqa: F401  (before mmdet: stands in for absent ops)

from .uninext_data_preprocessor import UninextDataPreprocessor

__all__ = ['UninextDataPreprocessor']
