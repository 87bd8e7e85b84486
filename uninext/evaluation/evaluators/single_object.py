"""SOT: one box a frame against one annotated box a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from uninext.evaluation.evaluators.base import SequenceEvaluator
from uninext.evaluation.functional.single_object import (
    RULES,
    sequence_errors,
    summarize_sequences,
)

ABSENT = (np.nan,) * 4


class TargetBox(NamedTuple):
    """Ground truth of a frame.

    Attributes:
        box_xywh: Pixels of the original image; NaN where the target is absent.
        visible: False where it is hidden though annotated.
        size_hw: Of the image, where known: some rules clip boxes to it.
    """

    box_xywh: Any = ABSENT
    visible: bool = True
    size_hw: tuple[int, int] | None = None


class SingleObjectEvaluator(SequenceEvaluator[TargetBox, Any]):
    """Success, precision and overlap of one target a sequence.

    A prediction is (4,) xywh in pixels; NaN where nothing was found. Records do not
    depend on the rules, so that evaluators of several rules can share them.

    Args:
        rules: One of ``RULES``.

    Raises:
        ValueError: If the rules are unknown.
    """

    def __init__(self, rules: str) -> None:
        if rules not in RULES:
            raise ValueError(f'rules must be one of {sorted(RULES)}, got {rules!r}.')
        self.rules = RULES[rules]

    def start(self) -> dict[str, Any]:
        return {'pred': [], 'ground_truth': [], 'visible': [], 'size_hw': None}

    def add(
        self, state: dict[str, Any], ground_truth: TargetBox, prediction: Any
    ) -> None:
        state['ground_truth'].append(ground_truth.box_xywh)
        state['visible'].append(ground_truth.visible)
        state['size_hw'] = ground_truth.size_hw
        state['pred'].append(prediction)

    def finish(self, state: dict[str, Any]) -> dict[str, Any]:
        boxes = {
            key: np.array(state[key], dtype=float) for key in ('pred', 'ground_truth')
        }
        visible = np.array(state['visible'], dtype=bool)
        return {**boxes, 'visible': visible, 'size_hw': state['size_hw']}

    def summarize(self, records: Mapping[str, dict]) -> dict[str, float]:
        """See ``functional.single_object.summarize_sequences``."""
        errors = [sequence_errors(rules=self.rules, **r) for r in records.values()]
        return summarize_sequences(errors, self.rules)
