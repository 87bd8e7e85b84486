"""Data preprocessors: collated images and samples enter, a normalised batch leaves."""

from .uninext_data_preprocessor import UninextDataPreprocessor

__all__ = ['UninextDataPreprocessor']
