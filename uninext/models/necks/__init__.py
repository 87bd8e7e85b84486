"""The neck in which image and prompt look at each other.

``BiDirectionalFusion``: image tokens and prompt features attend to each other.
"""

from uninext.models.necks.bi_directional_fusion import BiDirectionalFusion

__all__ = ['BiDirectionalFusion']
