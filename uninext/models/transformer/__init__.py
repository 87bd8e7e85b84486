"""The encoder-decoder, from fused features to refined queries.

``FeaturePyramid``: flattens feature levels and keeps what attention needs to know.
``BoxGuidedDecoderLayers``: the layers that decoder and embedding head share.
``DeformableEncoder`` -> ``QuerySelector`` -> ``DeformableDecoder``.
"""

from uninext.models.transformer.decoder import (
    BoxGuidedDecoderLayers,
    DeformableDecoder,
)
from uninext.models.transformer.encoder import DeformableEncoder
from uninext.models.transformer.feature_pyramid import FeaturePyramid, level_masks
from uninext.models.transformer.query_selector import QuerySelector, SelectedQueries

__all__ = [
    'BoxGuidedDecoderLayers',
    'DeformableDecoder',
    'DeformableEncoder',
    'FeaturePyramid',
    'QuerySelector',
    'SelectedQueries',
    'level_masks',
]
