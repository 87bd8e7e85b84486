"""Video sessions: frames enter one at a time, tracked instances leave.

``VideoSession``: owns what a video leaves behind; prompts come and go between frames.
Followers say how a kind of prompt is followed: ``TrackedNames`` (MOT, MOTS),
``AveragedNames`` (VIS), ``BestOfSentence`` (R-VOS), ``ShownTargets`` (SOT, VOS).
"""

from uninext.models.sessions.distinct import distinct_queries
from uninext.models.sessions.followers import (
    BestOfSentence,
    Follower,
    PromptState,
    VideoFrame,
)
from uninext.models.sessions.named import AveragedNames, TrackedNames
from uninext.models.sessions.targets import ShownTargets, target_at_input
from uninext.models.sessions.video_session import TrackEvents, VideoSession

__all__ = [
    'AveragedNames',
    'BestOfSentence',
    'Follower',
    'PromptState',
    'ShownTargets',
    'TrackEvents',
    'TrackedNames',
    'VideoFrame',
    'VideoSession',
    'distinct_queries',
    'target_at_input',
]
