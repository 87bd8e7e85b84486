"""Everything that has one of several names is found and tracked (MOT, MOTS, VIS).

Shape legend: Q queries, K names, C channels, n detections, m tracked ones, (H, W) the
reported frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.ops import class_aware_nms
from uninext.models.predictors import RowOutputs, binary_masks, boxes_to_pixels
from uninext.models.trackers.base import (
    FollowedPrompt,
    Follower,
    IdCounter,
    VideoFrame,
)
from uninext.models.trackers.video_instance_tracker import TrackScores
from uninext.registry import MODELS
from uninext.structures import InstanceMemory, Memory, TrackMemory


class Tracked(NamedTuple):
    """Detections that a tracker reports, m of them.

    Attributes:
        kept: (m,) int64 indices into the detections.
        ids: (m,) int64 track ids.
        scores: (m,), and ``labels`` (m,) int64: what is reported.
        events: What became of tracks; None where the tracker does not tell.
    """

    kept: Tensor
    ids: Tensor
    scores: Tensor
    labels: Tensor
    events: Any = None


class _NamedFollower(Follower):
    """Select the queries of a frame that are one of the names, track them, report.

    Args:
        tracker: Config of the tracker; None: the default of the class. One of your own
            has ``step(memory, detections)`` and ``new_memory()``, a
            :class:`uninext.structures.Memory`; without the latter it is given the
            memory of the default tracker.
        select_score_thr: Queries with a higher best score are taken; if there is none,
            the best query is.
        nms_iou_threshold: Class-aware suppression of boxes on each query's best name;
            None: the default of the class, 0.7 (MOT, MOTS) or 0.9 (VIS).
        with_iou: Multiply scores with the IoU branch (geometric mean).
        mask_threshold: Probability above which a pixel belongs to the instance.
        with_masks: Predict masks.
    """

    needs_embeds = True
    default_tracker: str
    default_memory: type[Memory]
    default_nms_iou: float

    def __init__(
        self,
        tracker: dict | None = None,
        select_score_thr: float = 0.1,
        nms_iou_threshold: float | None = None,
        with_iou: bool = False,
        mask_threshold: float = 0.5,
        with_masks: bool = True,
    ) -> None:
        super().__init__(mask_threshold, with_masks)
        if nms_iou_threshold is None:
            nms_iou_threshold = self.default_nms_iou
        self.tracker = MODELS.build(tracker or dict(type=self.default_tracker))
        self.select_score_thr = select_score_thr
        self.nms_iou_threshold = nms_iou_threshold
        self.with_iou = with_iou

    def new_memory(self) -> Memory:
        """Of one video and prompt: what the tracker declares."""
        return getattr(self.tracker, 'new_memory', self.default_memory)()

    @property
    def memory_type(self) -> type[Memory]:
        """Of what the tracker leaves behind."""
        return type(self.new_memory())

    def step(
        self, prompts: Sequence[FollowedPrompt], frame: VideoFrame, ids: IdCounter
    ) -> list[InstanceData]:
        """The tracked instances of each list of names."""
        return [self._step(prompt, frame, ids) for prompt in prompts]

    def _step(
        self, prompt: FollowedPrompt, frame: VideoFrame, ids: IdCounter
    ) -> InstanceData:
        scores = [found.name_scores(self.with_iou) for found in prompt.found]
        num_names = len(prompt.state.prompt)
        parts = [
            self._without_doubles(found, scores[i], chosen, num_names, frame)
            for i, (found, chosen) in enumerate(zip(prompt.found, self._chosen(scores)))
            if len(chosen)
        ]
        detections = InstanceData.cat(parts)
        memory = prompt.state.memory
        memory.next_id = ids.next_id  # ids are unique in a session
        tracked = self._track(memory, detections)
        ids.next_id = memory.next_id
        prompt.events = tracked.events
        chosen = detections[tracked.kept]
        results = InstanceData(
            bboxes=chosen.bboxes,
            scores=tracked.scores,
            labels=tracked.labels,
            instances_ids=tracked.ids,
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

    def _without_doubles(
        self,
        found: RowOutputs,
        scores: Tensor,
        chosen: Tensor,
        num_names: int,
        frame: VideoFrame,
    ) -> InstanceData:
        """Detections of one part of the names, n of them.

        Returns:
            ``bboxes`` (n, 4), ``scores``, ``labels``, ``class_scores`` (n, K),
            ``embeds`` (n, C), ``queries`` (n,), ``parts`` (n,) the label offset.
        """
        best, labels = scores.max(1)
        boxes = found.boxes_xyxy
        kept = class_aware_nms(
            boxes[chosen], best[chosen], labels[chosen], self.nms_iou_threshold
        )
        chosen = chosen[kept]
        class_scores = scores.new_zeros(len(chosen), num_names)
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
            **self._more_fields(found, chosen, frame),
        )

    def _more_fields(
        self, found: RowOutputs, chosen: Tensor, frame: VideoFrame
    ) -> dict[str, Tensor]:
        """What the tracker looks at besides."""
        return {}

    @abstractmethod
    def _track(self, memory: Any, detections: InstanceData) -> Tracked:
        """Name the detections."""

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
            masks[mine] = binary_masks(
                logits, frame.size_hw, frame.out_size_hw, self.mask_logit
            )
        return masks


@MODELS.register_module()
class TrackedNames(_NamedFollower):
    """Quasi-dense association (MOT and MOTS, method.md 5.5).

    Arguments as in :class:`_NamedFollower`.
    """

    default_tracker = 'PromptQuasiDenseTracker'
    default_memory = TrackMemory
    default_nms_iou = 0.7

    def _track(self, memory: TrackMemory, detections: InstanceData) -> Tracked:
        kept, ids = self.tracker.step(memory, detections)
        return Tracked(kept, ids, detections.scores[kept], detections.labels[kept])


@MODELS.register_module()
class AveragedNames(_NamedFollower):
    """Association with a memory of embeddings, scores averaged over time (VIS).

    A track is reported under the name with the highest mean score so far; see
    ``TrackEvents`` for the results of whole videos (method.md 5.6). The tracker looks
    at masks in any case. Arguments as in :class:`_NamedFollower`.
    """

    default_tracker = 'VideoInstanceTracker'
    default_memory = InstanceMemory
    default_nms_iou = 0.9
    needs_masks = True

    def finish(self, memory: InstanceMemory) -> TrackScores:
        """Tracks that the end of the video completes."""
        return self.tracker.finish(memory)

    def video_results(self, ended: TrackScores) -> InstanceData:
        """One result for every name that a track is likely to have."""
        return self.tracker.results(ended)

    def _more_fields(
        self, found: RowOutputs, chosen: Tensor, frame: VideoFrame
    ) -> dict[str, Tensor]:
        if frame.mask_head is None:
            raise ValueError(
                'Video instances are told apart by their masks, but the model has no '
                "mask head. Use dict(type='TrackedNames') for boxes."
            )
        logits = frame.mask_logits(found, chosen)
        return dict(mask_logits=logits, masks=logits > self.mask_logit)

    def _track(self, memory: InstanceMemory, detections: InstanceData) -> Tracked:
        step = self.tracker.step(memory, detections)
        means = detections.class_scores[step.kept].clone()
        known = step.ids >= 0
        means[known] = memory.mean_scores(step.ids[known]).to(means)
        scores, labels = means.max(1)
        return Tracked(step.kept, step.ids, scores, labels, step)
