"""REC and RES: one box, and one mask, for an expression that means one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from uninext.evaluation.evaluators.base import SequenceEvaluator
from uninext.evaluation.functional.referring import (
    Overlap,
    box_overlap,
    mask_overlap,
    summarize_overlaps,
)

METRIC_KINDS = ('bbox', 'segm')


class Referent(NamedTuple):
    """The object of an expression, annotated or predicted.

    Attributes:
        box_xyxy: (4,) in pixels; None where nothing was predicted.
        mask: (H, W) bool; None where there is none.
    """

    box_xyxy: np.ndarray | None = None
    mask: np.ndarray | None = None


class ReferringEvaluator(SequenceEvaluator[Referent, Referent]):
    """P@0.5 to P@0.9, oIoU and mIoU of the best prediction of every expression.

    A sequence is an expression, added once. Masks count where the target has one; an
    expression without a prediction is a miss of both kinds.

    Args:
        kinds: Of ``METRIC_KINDS``.

    Raises:
        ValueError: If there is no kind, or an unknown one.
    """

    def __init__(self, kinds: tuple[str, ...] = METRIC_KINDS) -> None:
        if not kinds or not set(kinds) <= set(METRIC_KINDS):
            raise ValueError(f'kinds must be of {METRIC_KINDS}, got {kinds!r}.')
        self.kinds = kinds

    def start(self) -> dict[str, Overlap]:
        return {}

    def add(
        self, state: dict[str, Overlap], ground_truth: Referent, prediction: Referent
    ) -> None:
        if 'bbox' in self.kinds:
            assert ground_truth.box_xyxy is not None
            state['bbox'] = box_overlap(prediction.box_xyxy, ground_truth.box_xyxy)
        if 'segm' in self.kinds and ground_truth.mask is not None:
            state['segm'] = mask_overlap(prediction.mask, ground_truth.mask)

    def finish(self, state: dict[str, Overlap]) -> dict[str, Overlap]:
        return state

    def summarize(self, records: Mapping[Any, dict]) -> dict[str, dict[str, float]]:
        """Average over expressions.

        Returns:
            Kind -> ``num_expressions`` and the metrics of ``summarize_overlaps``;
            without the kinds for which no expression has a target.
        """
        metrics = {}
        for kind in self.kinds:
            overlaps = [Overlap(*r[kind]) for r in records.values() if kind in r]
            if overlaps:
                summary = summarize_overlaps(overlaps)
                metrics[kind] = {'num_expressions': len(overlaps), **summary}
        return metrics
