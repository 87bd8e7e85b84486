"""Everything that is one of several categories is found and tracked (MOT, MOTS, VIS).

What both trackers of categories share: choose the queries of a frame, let the tracker
associate them with its tracks, report. Shape legend: Q queries, K names, C channels,
n detections, m tracked ones, (H, W) the reported frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.ops import class_aware_nms
from uninext.models.predictors import RowOutputs, binary_masks, boxes_to_pixels
from uninext.models.trackers.base import (
    IdCounter,
    TrackedPrompt,
    Tracker,
    VideoFrame,
)
from uninext.structures import Memory, TrackUpdate


class Association(NamedTuple):
    """Detections that a tracker reports, m of them, and what became of tracks.

    Attributes:
        kept: (m,) int64 indices into the detections, best first.
        ids: (m,) int64 track ids.
        scores: (m,) to report; None: those of the detections.
        labels: (m,) int64 to report; None: those of the detections.
        update: What became of tracks; None where the tracker does not tell.
    """

    kept: Tensor
    ids: Tensor
    scores: Tensor | None = None
    labels: Tensor | None = None
    update: TrackUpdate | None = None


class CategoryTracker(Tracker):
    """Select the queries of a frame that are one of the categories, track them, report.

    A tracker of your own derives from it: it declares ``memory_type``, a
    :class:`uninext.structures.Memory`, and has :meth:`associate`.

    Args:
        select_score_thr: Queries with a higher best score are taken; if there is none,
            the best query is.
        nms_iou_threshold: Class-aware suppression of boxes on each query's best name.
        with_iou: Multiply scores with the IoU branch (geometric mean).
        with_masks: Predict masks.
    """

    needs_embeds = True

    def __init__(
        self,
        select_score_thr: float = 0.1,
        nms_iou_threshold: float = 0.7,
        with_iou: bool = False,
        with_masks: bool = True,
    ) -> None:
        super().__init__(with_masks)
        self.select_score_thr = select_score_thr
        self.nms_iou_threshold = nms_iou_threshold
        self.with_iou = with_iou

    @abstractmethod
    def associate(
        self, memory: Memory, detections: InstanceData, ids: IdCounter
    ) -> Association:
        """Name the detections of the next frame.

        Args:
            memory: Of this video and prompt; updated.
            detections: ``bboxes`` (n, 4) xyxy in pixels, ``scores`` (n,), ``labels``
                (n,) int64, ``class_scores`` (n, K), ``embeds`` (n, C), and what
                :meth:`more_fields` adds. In any order.
            ids: Gives new track ids.
        """

    def more_fields(
        self, found: RowOutputs, chosen: Tensor, frame: VideoFrame
    ) -> dict[str, Tensor]:
        """Further fields of detections that :meth:`associate` looks at."""
        return {}

    def step(
        self, prompts: Sequence[TrackedPrompt], frame: VideoFrame
    ) -> list[InstanceData]:
        """The tracked instances of each list of categories."""
        return [self._step(prompt, frame) for prompt in prompts]

    def _step(self, prompt: TrackedPrompt, frame: VideoFrame) -> InstanceData:
        scores = [found.name_scores(self.with_iou) for found in prompt.found]
        num_categories = len(prompt.state.prompt)
        parts = [
            self._detections(found, scores[i], chosen, num_categories, frame)
            for i, (found, chosen) in enumerate(zip(prompt.found, self._chosen(scores)))
            if len(chosen)
        ]
        detections = InstanceData.cat(parts)
        found = self.associate(prompt.state.memory, detections, frame.ids)
        prompt.update = found.update
        chosen = detections[found.kept]
        results = InstanceData(
            bboxes=chosen.bboxes,
            scores=chosen.scores if found.scores is None else found.scores,
            labels=chosen.labels if found.labels is None else found.labels,
            instances_ids=found.ids,
        )
        if self.reports_masks(frame):
            results.masks = self._masks(chosen, prompt.found, frame)
        return results

    def _chosen(self, scores: Sequence[Tensor]) -> list[Tensor]:
        """Queries of each part of the names; of all parts one at least."""
        best = [part.max(1).values for part in scores]
        chosen = [(b > self.select_score_thr).nonzero()[:, 0] for b in best]
        if not any(len(queries) for queries in chosen):
            part = int(torch.stack([b.max() for b in best]).argmax())
            chosen[part] = best[part].argmax()[None]
        return chosen

    def _detections(
        self,
        found: RowOutputs,
        scores: Tensor,
        chosen: Tensor,
        num_categories: int,
        frame: VideoFrame,
    ) -> InstanceData:
        """Detections of one part of the prompt, n of them.

        Besides what :meth:`associate` gets: ``queries`` (n,), ``parts`` (n,) the label
        offset.
        """
        best, labels = scores.max(1)
        boxes = found.boxes_xyxy
        kept = class_aware_nms(
            boxes[chosen], best[chosen], labels[chosen], self.nms_iou_threshold
        )
        chosen = chosen[kept]
        class_scores = scores.new_zeros(len(chosen), num_categories)
        start = found.label_offset
        class_scores[:, start : start + scores.shape[1]] = scores[chosen]
        return InstanceData(
            bboxes=boxes_to_pixels(boxes[chosen], frame.out_size_hw, clip=False),
            scores=best[chosen],
            labels=labels[chosen] + start,
            class_scores=class_scores,
            embeds=found.embeds[chosen],
            queries=chosen,
            parts=torch.full_like(chosen, start),
            **self.more_fields(found, chosen, frame),
        )

    def _masks(
        self, chosen: InstanceData, found: Sequence[RowOutputs], frame: VideoFrame
    ) -> Tensor:
        """(m, H, W) bool."""
        masks = chosen.bboxes.new_zeros((len(chosen), *frame.out_size_hw))
        masks = masks.bool()
        for part in found:
            mine = (chosen.parts == part.label_offset).nonzero()[:, 0]
            if not len(mine):
                continue
            if 'mask_logits' in chosen:  # the tracker has looked at them
                logits = chosen.mask_logits[mine]
            else:
                logits = frame.mask_logits(part, chosen.queries[mine])
            masks[mine] = binary_masks(logits, frame.size_hw, frame.out_size_hw)
        return masks
