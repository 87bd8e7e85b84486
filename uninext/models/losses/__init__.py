"""Losses of matched queries and their targets.

Heads sum the losses of pairs by decoder layer and divide them by counts; a count of 0
gives a loss of 0 that is still part of the graph (``divide_or_zero``).
Everything is computed in float32.
"""

import uninext.registry  # noqa: F401  (before mmdet: stands in for absent ops)

from .box_supervised_mask_loss import (
    BoxProjectionLoss,
    PairwiseAffinityLoss,
    fill_boxes,
)
from .color_similarity import color_similarity
from .contrastive_loss import ContrastiveEmbedLoss, CosineEmbedLoss
from .functional import divide_or_zero, untouched, zero_with_gradient
from .matched_losses import BinaryFocalLoss, MaskDiceLoss, NormalizedGIoULoss

__all__ = [
    'BinaryFocalLoss',
    'BoxProjectionLoss',
    'ContrastiveEmbedLoss',
    'CosineEmbedLoss',
    'MaskDiceLoss',
    'NormalizedGIoULoss',
    'PairwiseAffinityLoss',
    'color_similarity',
    'divide_or_zero',
    'fill_boxes',
    'untouched',
    'zero_with_gradient',
]
