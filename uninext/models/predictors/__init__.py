"""Predictors: select what is reported of an image.

``RowOutputs``: what the network found for one prompt in one image.
``InstancePredictor``: detection, segmentation, expressions (each image by itself).
``binary_masks``, ``probability_masks``, ``boxes_to_pixels``: to the reported frame;
``mask_logit``: which threshold masks have there.
"""

from uninext.models.predictors.instance_predictor import (
    Candidates,
    InstancePredictor,
)
from uninext.models.predictors.mask_resizing import (
    binary_masks,
    mask_logit,
    probability_masks,
)
from uninext.models.predictors.row_outputs import RowOutputs, boxes_to_pixels

__all__ = [
    'Candidates',
    'InstancePredictor',
    'RowOutputs',
    'binary_masks',
    'boxes_to_pixels',
    'mask_logit',
    'probability_masks',
]
