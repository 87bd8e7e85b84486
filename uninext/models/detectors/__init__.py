"""Detectors: a batch of images and data samples enters; losses or predictions leave."""

from uninext.models.detectors.uninext import UNINEXT

__all__ = ['UNINEXT']
