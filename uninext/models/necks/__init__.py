"""Features of two streams enter, both leave enhanced.

``BiDirectionalFusion``: image tokens and prompt features attend to each other.
"""

from uninext.models.necks.bi_directional_fusion import BiDirectionalFusion

__all__ = ['BiDirectionalFusion']
