"""Evaluation: predictions and ground truth enter, figures and result files leave.

``functional``: the figures as pure functions of numpy arrays.
``metrics``: thin shells over them that mmengine's evaluator drives.
``result_files``: the same figures from result files of the benchmarks' formats.
``submission``: zip files for benchmark servers, checked.
"""

from uninext.evaluation.metrics import (
    AveragedSetsMetric,
    BDD100KTrackingMetric,
    ReferringMetric,
    ReferringVOSMetric,
    SOTMetric,
    TrackingMetric,
    VideoInstanceMetric,
    VOSMetric,
)
from uninext.evaluation.result_files import FORMATS, evaluate_coco, evaluate_refexp
from uninext.evaluation.submission import check_submission, write_submission

__all__ = [
    'FORMATS',
    'AveragedSetsMetric',
    'BDD100KTrackingMetric',
    'ReferringMetric',
    'ReferringVOSMetric',
    'SOTMetric',
    'TrackingMetric',
    'VOSMetric',
    'VideoInstanceMetric',
    'check_submission',
    'evaluate_coco',
    'evaluate_refexp',
    'write_submission',
]
