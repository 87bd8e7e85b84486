"""The one object that an expression means, found in each frame (R-VOS)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import InstanceData

from uninext.models.predictors import binary_masks, probability_masks
from uninext.models.trackers.base import (
    TrackedPrompt,
    Tracker,
    VideoFrame,
    best_query,
    instance_of,
)
from uninext.registry import MODELS


@MODELS.register_module()
class ExpressionTracker(Tracker):
    """The best query of each frame, by itself (R-VOS, method.md 5.7).

    Args:
        with_iou: Multiply scores with the IoU branch (geometric mean).
        score_threshold: Nothing is reported below.
        merge: Several expressions of a session share the pixels among them, e.g.
            ``dict(type='SoftAggregation')`` (Ref-DAVIS); None: each has its own mask.
        with_masks: Predict masks.
    """

    def __init__(
        self,
        with_iou: bool = True,
        score_threshold: float = 0.0,
        merge: dict | None = None,
        with_masks: bool = True,
    ) -> None:
        super().__init__(with_masks)
        self.with_iou = with_iou
        self.score_threshold = score_threshold
        self.merge = MODELS.build(merge) if merge else None

    def step(
        self, prompts: Sequence[TrackedPrompt], frame: VideoFrame
    ) -> list[InstanceData]:
        """One instance an expression, or none below the threshold."""
        results = [self._report(prompt, frame) for prompt in prompts]
        results = self._above_threshold(results)
        if self.merge is not None and self.reports_masks(frame) and results:
            self._share_pixels(results)
        return results

    def _above_threshold(self, results: list[InstanceData]) -> list[InstanceData]:
        if not results:
            return results
        scores = torch.cat([r.scores for r in results])
        reported = (scores >= self.score_threshold).tolist()
        return [r[: int(yes)] for r, yes in zip(results, reported)]

    def _share_pixels(self, results: list[InstanceData]) -> None:
        """Replace ``mask_probs`` by masks; what is not reported has no part in them."""
        probs = torch.cat([r.mask_probs for r in results])
        scores = torch.cat([r.scores for r in results])
        masks = self.merge(probs, scores)
        for result, mine in zip(results, masks.split([len(r) for r in results])):
            result.masks = mine
            del result.mask_probs

    def _report(self, prompt: TrackedPrompt, frame: VideoFrame) -> InstanceData:
        picked = best_query(prompt, self.with_iou)
        result, found, chosen = instance_of(prompt, picked, self.with_iou, frame)
        if not self.reports_masks(frame):
            return result
        logits = frame.mask_logits(found, chosen)
        sizes = (frame.size_hw, frame.out_size_hw)
        if self.merge is None:
            result.masks = binary_masks(logits, *sizes)
        else:
            result.mask_probs = probability_masks(logits, *sizes, mode='nearest')
        return result
