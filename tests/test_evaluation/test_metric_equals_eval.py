"""The metric of a config and ``uninext eval`` give equal numbers, for every task.

Generated data; the metric writes files, and these are evaluated. Needs nothing beyond
the repository.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import equality_objects, equality_tracking

CASES = {**equality_objects.CASES, **equality_tracking.CASES}


@pytest.mark.parametrize('task', CASES)
def test_metric_equals_eval(task: str, tmp_path: Path):
    by_metric, by_files = CASES[task](tmp_path)
    assert by_metric
    assert by_metric.keys() == by_files.keys()
    for key, value in by_metric.items():
        assert value == pytest.approx(by_files[key], abs=1e-12, nan_ok=True), key
    # Neither perfect nor nothing: a comparison of ones would say little.
    assert any(0.01 < value % 1 < 0.99 for value in by_metric.values())
