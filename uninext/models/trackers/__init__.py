"""Trackers: what a frame found enters, who is who leaves.

``PromptQuasiDenseTracker`` (MOT, MOTS) and ``VideoInstanceTracker`` (VIS) name
detections by their embeddings. ``PeriodicTemplateUpdate`` (SOT) and
``ConfidentTemplateUpdate`` (VOS) keep the templates of a shown target fresh.
``SoftAggregation`` merges the masks of several. All hold settings only; what a video
leaves behind is in ``uninext.structures.memory``, passed in and updated.
"""

from uninext.models.trackers.association import (
    bisoftmax,
    keep_greedily,
    pairwise_mask_iou,
)
from uninext.models.trackers.prompt_quasi_dense_tracker import PromptQuasiDenseTracker
from uninext.models.trackers.soft_aggregation import SoftAggregation, soft_aggregate
from uninext.models.trackers.template_update import (
    ConfidentTemplateUpdate,
    PeriodicTemplateUpdate,
    TemplateUpdate,
)
from uninext.models.trackers.video_instance_tracker import (
    InstanceStep,
    TrackScores,
    VideoInstanceTracker,
)

__all__ = [
    'ConfidentTemplateUpdate',
    'InstanceStep',
    'PeriodicTemplateUpdate',
    'PromptQuasiDenseTracker',
    'SoftAggregation',
    'TemplateUpdate',
    'TrackScores',
    'VideoInstanceTracker',
    'bisoftmax',
    'keep_greedily',
    'pairwise_mask_iou',
    'soft_aggregate',
]
