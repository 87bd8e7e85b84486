"""Metrics that a config names: data samples enter, a dict of figures leaves.

Detection and instance segmentation use mmdet's ``CocoMetric`` as it is.

``refexp_metric``: referring expression comprehension and segmentation.
"""

from uninext.evaluation.metrics.refexp_metric import ReferringMetric

__all__ = ['ReferringMetric']
