"""Detectors: the whole network, which a config builds.

``PromptedDetector``: what all others see of it.
``UNINEXT``: single images, prompts of text (stages 1 and 2).
``UNINEXTVideo``: besides, targets of other frames and embeddings (stage 3).
"""

from uninext.models.detectors.prompted import PromptedDetector
from uninext.models.detectors.uninext import UNINEXT
from uninext.models.detectors.uninext_video import UNINEXTVideo

__all__ = ['PromptedDetector', 'UNINEXT', 'UNINEXTVideo']
