"""One metric for each of several sets, and the mean of their averages."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from uninext.evaluation.metrics.video_metric import log_metrics
from uninext.registry import METRICS


@METRICS.register_module()
class AveragedSetsMetric:
    """Evaluate sets by themselves, then average (Ref-DAVIS: four files of expressions).

    A sample belongs to the set that its meta key ``set_name`` tells.

    Args:
        sets: Their names.
        metric: Config of the metric of each. Its ``outfile_prefix``, if it has one,
            becomes a folder with a result for each set.

    Raises:
        ValueError: If there is no set, or a name is twice.
    """

    def __init__(self, sets: Sequence[str], metric: dict) -> None:
        if not sets or len(set(sets)) < len(sets):
            raise ValueError(f'sets must be different names, got {list(sets)}.')
        self.metrics = {}
        for name in sets:
            cfg = copy.deepcopy(metric)
            if cfg.get('outfile_prefix'):
                cfg['outfile_prefix'] = str(Path(cfg['outfile_prefix']) / name)
            self.metrics[name] = METRICS.build(cfg)

    @property
    def dataset_meta(self) -> dict | None:
        """What the metrics know of the data set."""
        return next(iter(self.metrics.values())).dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, value: dict) -> None:
        for metric in self.metrics.values():
            metric.dataset_meta = value

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Hand samples to the metric of their set.

        Args:
            data_batch: Handed on.
            data_samples: Each with ``set_name``.

        Raises:
            ValueError: If a sample belongs to none of the sets.
        """
        for sample in data_samples:
            name = sample.get('set_name')
            if name not in self.metrics:
                raise ValueError(
                    f'A sample belongs to the set {name!r}; expected one of '
                    f'{list(self.metrics)}. Give each dataset its set_name.'
                )
            self.metrics[name].process(data_batch, [sample])

    def evaluate(self, size: int) -> dict[str, float]:
        """Evaluate every set; call it on all ranks.

        Returns:
            The means under the names that one metric gives, and those of the sets as
            ``<set>/<name>``.
        """
        by_set = {name: m.evaluate(size) for name, m in self.metrics.items()}
        averages: dict[str, float] = {}
        for key in next(iter(by_set.values())):
            averages[key] = sum(f[key] for f in by_set.values()) / len(by_set)
        if averages:
            log_metrics(f'mean of {len(by_set)} sets', averages)
        for name, of_set in by_set.items():
            averages.update({f'{name}/{key}': value for key, value in of_set.items()})
        return averages
