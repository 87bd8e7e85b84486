"""Data preprocessors: collated images and samples enter, a normalised batch leaves."""

import uninext.registry  # noqa: F401  (before mmdet: stands in for absent ops)

from .uninext_data_preprocessor import UninextDataPreprocessor

__all__ = ['UninextDataPreprocessor']
