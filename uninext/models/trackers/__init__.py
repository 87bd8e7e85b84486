"""Video: the session of a video, and a tracker for each kind of prompt.

``VideoSession``: owns what a video leaves behind; prompts come and go between frames.
``Tracker``: the interface. ``PromptQuasiDenseTracker`` (MOT, MOTS) and
``VideoInstanceTracker`` (VIS) track categories by the embeddings of detections,
``ExpressionTracker`` grounds an expression in each frame (R-VOS), ``TemplateTracker``
finds a target that was shown by a box or mask again (SOT, VOS).
``PeriodicTemplateUpdate`` (SOT) and ``ConfidentTemplateUpdate`` (VOS) keep its
templates fresh; ``SoftAggregation`` merges the masks of several. All hold settings
only; what a video leaves behind is in ``uninext.structures.memory``.
"""

from uninext.models.trackers.base import (
    IdCounter,
    PromptState,
    TrackedPrompt,
    Tracker,
    VideoFrame,
)
from uninext.models.trackers.category_tracker import Association, CategoryTracker
from uninext.models.trackers.distinct import distinct_queries
from uninext.models.trackers.expression_tracker import ExpressionTracker
from uninext.models.trackers.prompt_quasi_dense_tracker import PromptQuasiDenseTracker
from uninext.models.trackers.soft_aggregation import SoftAggregation
from uninext.models.trackers.template_tracker import TemplateTracker, target_at_input
from uninext.models.trackers.template_update import (
    ConfidentTemplateUpdate,
    PeriodicTemplateUpdate,
)
from uninext.models.trackers.video_instance_tracker import VideoInstanceTracker
from uninext.models.trackers.video_session import VideoSession

__all__ = [
    'Association',
    'CategoryTracker',
    'ConfidentTemplateUpdate',
    'ExpressionTracker',
    'IdCounter',
    'PeriodicTemplateUpdate',
    'PromptQuasiDenseTracker',
    'PromptState',
    'SoftAggregation',
    'TemplateTracker',
    'TrackedPrompt',
    'Tracker',
    'VideoFrame',
    'VideoInstanceTracker',
    'VideoSession',
    'distinct_queries',
    'target_at_input',
]
