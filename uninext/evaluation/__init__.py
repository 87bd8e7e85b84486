"""Evaluation: compare predictions with ground truth, write result files.

``functional``: the metrics as pure functions of numpy arrays.
``evaluators``: one a task, the only place where predictions meet ground truth.
``metrics``: what mmengine's evaluator drives; samples -> evaluators.
``result_files``: result files of the benchmarks' formats -> evaluators.
``submission``: zip files for benchmark servers, checked.

Names are loaded when they are asked for: ``metrics`` needs torch, all else does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
_ROOMS = {
    'FORMATS': 'result_files',
    'evaluate_coco': 'result_files',
    'evaluate_refexp': 'result_files',
    'check_submission': 'submission',
    'write_submission': 'submission',
}


def __getattr__(name: str) -> Any:
    """Load a name from its module (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module = import_module(f'{__name__}.{_ROOMS.get(name, "metrics")}')
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
