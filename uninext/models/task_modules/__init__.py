"""Task modules: who learns what.

Assigners make a :class:`PromptAssignment` of the predictions of all layers and the
ground truth of a batch; :class:`PromptDenoising` makes :class:`DenoisingQueries` of
the ground truth and the prompts. Boxes are normalised cxcywh.
"""

import uninext.registry  # noqa: F401  (before mmdet: stands in for absent ops)

from .assignment import PromptAssignment, focal_class_cost, pad_objects
from .iou import aligned_giou, aligned_iou, pairwise_iou_giou
from .prompt_denoising import DenoisingQueries, PromptDenoising
from .prompt_hungarian_assigner import PromptHungarianAssigner
from .prompt_sim_ota_assigner import PromptSimOTAAssigner

__all__ = [
    'DenoisingQueries',
    'PromptAssignment',
    'PromptDenoising',
    'PromptHungarianAssigner',
    'PromptSimOTAAssigner',
    'aligned_giou',
    'aligned_iou',
    'focal_class_cost',
    'pad_objects',
    'pairwise_iou_giou',
]
