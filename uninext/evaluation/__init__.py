"""Evaluation: predictions and ground truth enter, figures and result files leave.

``functional``: the figures as pure functions of numpy arrays.
``metrics``: thin shells over them that mmengine's evaluator drives.
``result_files``: the same figures from result files of the benchmarks' formats.
"""

from uninext.evaluation.metrics import ReferringMetric
from uninext.evaluation.result_files import evaluate_coco, evaluate_refexp

__all__ = ['ReferringMetric', 'evaluate_coco', 'evaluate_refexp']
