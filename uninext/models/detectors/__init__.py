"""Detectors: the whole network, which a config builds.

``UNINEXT``: single images, prompts of text (stages 1 and 2).
``UNINEXTVideo``: besides, targets of other frames and embeddings (stage 3).
"""

from uninext.models.detectors.uninext import UNINEXT
from uninext.models.detectors.uninext_video import UNINEXTVideo

__all__ = ['UNINEXT', 'UNINEXTVideo']
