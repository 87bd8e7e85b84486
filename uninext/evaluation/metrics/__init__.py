"""Metrics that a config names, of the data samples of a test run.

Detection and instance segmentation use mmdet's ``CocoMetric`` as it is.

``referring_metric``: referring expression comprehension and segmentation.
``video_metric``: what the metrics of videos share.
``sot_metric``, ``vos_metric``, ``referring_vos_metric``, ``video_instance_metric``,
``tracking_metric``, ``bdd100k_metric``: the video tasks.
``averaged_sets``: one metric for several sets, and the mean.
"""

from uninext.evaluation.metrics.averaged_sets import AveragedSetsMetric
from uninext.evaluation.metrics.bdd100k_metric import BDD100KTrackingMetric
from uninext.evaluation.metrics.referring_metric import ReferringMetric
from uninext.evaluation.metrics.referring_vos_metric import ReferringVOSMetric
from uninext.evaluation.metrics.sot_metric import SOTMetric
from uninext.evaluation.metrics.tracking_metric import TrackingMetric
from uninext.evaluation.metrics.video_instance_metric import VideoInstanceMetric
from uninext.evaluation.metrics.video_metric import VideoMetric
from uninext.evaluation.metrics.vos_metric import VOSMetric

__all__ = [
    'AveragedSetsMetric',
    'BDD100KTrackingMetric',
    'ReferringMetric',
    'ReferringVOSMetric',
    'SOTMetric',
    'TrackingMetric',
    'VOSMetric',
    'VideoInstanceMetric',
    'VideoMetric',
]
