"""Video: the session of a video, and a tracker for each kind of prompt.

``VideoSession``: owns what a video leaves behind; prompts come and go between frames.
Followers say how a kind of prompt is followed: ``TrackedNames`` (MOT, MOTS),
``AveragedNames`` (VIS), ``BestOfSentence`` (R-VOS), ``ShownTargets`` (SOT, VOS).
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
from uninext.models.trackers.base import (
    BestOfSentence,
    Follower,
    PromptState,
    VideoFrame,
)
from uninext.models.trackers.category_tracker import AveragedNames, TrackedNames
from uninext.models.trackers.distinct import distinct_queries
from uninext.models.trackers.prompt_quasi_dense_tracker import PromptQuasiDenseTracker
from uninext.models.trackers.soft_aggregation import SoftAggregation, soft_aggregate
from uninext.models.trackers.template_tracker import ShownTargets, target_at_input
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
from uninext.models.trackers.video_session import TrackEvents, VideoSession

__all__ = [
    'AveragedNames',
    'BestOfSentence',
    'ConfidentTemplateUpdate',
    'Follower',
    'InstanceStep',
    'PeriodicTemplateUpdate',
    'PromptQuasiDenseTracker',
    'PromptState',
    'ShownTargets',
    'SoftAggregation',
    'TemplateUpdate',
    'TrackEvents',
    'TrackScores',
    'TrackedNames',
    'VideoFrame',
    'VideoInstanceTracker',
    'VideoSession',
    'bisoftmax',
    'distinct_queries',
    'keep_greedily',
    'pairwise_mask_iou',
    'soft_aggregate',
    'target_at_input',
]
