"""Predictors: head outputs of an image's prompts enter, ``InstanceData`` leaves.

``InstancePredictor``: detection, segmentation, expressions (each frame by itself).
"""

from uninext.models.predictors.instance_predictor import (
    Candidates,
    InstancePredictor,
)

__all__ = ['Candidates', 'InstancePredictor']
