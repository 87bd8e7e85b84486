"""Metrics that a config names: data samples enter, a dict of figures leaves.

Detection and instance segmentation use mmdet's ``CocoMetric`` as it is.

``referring_metric``: referring expression comprehension and segmentation.
"""

from uninext.evaluation.metrics.referring_metric import ReferringMetric

__all__ = ['ReferringMetric']
