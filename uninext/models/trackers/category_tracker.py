"""Everything that is one of several categories is found and tracked (MOT, MOTS, VIS).

What both trackers of categories share: choose the queries of a frame, let the tracker
associate them with its tracks, report. Shape legend: Q queries, K names, C channels,
n detections, m tracked ones, (H, W) the reported frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.ops import class_aware_nms, pairwise_iou
from uninext.models.predictors import RowOutputs, binary_masks, boxes_to_pixels
from uninext.models.trackers.base import (
    IdCounter,
    TrackedPrompt,
    Tracker,
    VideoFrame,
)
from uninext.structures import Memory, TracksMemory, TrackUpdate
from uninext.utils.counts import check_count, check_score
from uninext.utils.transfers import download, upload

SHOWN_IOU = 0.5  # with a track that is shown: what overlaps as much is that object


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
        max_objects: Most detections of a frame that are looked at, the best; None: all.
    """

    needs_embeds = True
    can_correct = False  # whether there is a renew()
    new_track_thrs = ('init_score_thr',)  # what init_score_thr of limited() sets

    def __init__(
        self,
        select_score_thr: float = 0.1,
        nms_iou_threshold: float = 0.7,
        with_iou: bool = False,
        with_masks: bool = True,
        max_objects: int | None = None,
    ) -> None:
        super().__init__(with_masks)
        if max_objects is not None:
            check_count(max_objects, 'max_objects')
        self.max_objects = max_objects
        self.select_score_thr = select_score_thr
        self.nms_iou_threshold = nms_iou_threshold
        self.with_iou = with_iou

    def limited(
        self,
        max_objects: int | None = None,
        keep_lost: int | None = None,
        init_score_thr: float | None = None,
    ) -> CategoryTracker:
        """A copy with other limits; None: as they are.

        Args:
            max_objects: As of this class.
            keep_lost: As of the tracker.
            init_score_thr: A new track needs a higher score. Where scores must be
                higher to be taken, or to continue a track, this is enough as well.

        Raises:
            ValueError: If a number is below 1, a score is none in 0..1, or this tracker
                has no such limit.
        """
        limits = dict(
            max_objects=max_objects, keep_lost=keep_lost, init_score_thr=init_score_thr
        )
        limits = {name: value for name, value in limits.items() if value is not None}
        for name, value in limits.items():
            (check_score if name == 'init_score_thr' else check_count)(value, name)
            if not hasattr(self, name):
                raise ValueError(f'{type(self).__name__} has no {name}: leave it out.')
        if init_score_thr is not None:
            limits.update(dict.fromkeys(self.new_track_thrs, init_score_thr))
            for name in {'select_score_thr', 'obj_score_thr'} & vars(self).keys():
                limits[name] = min(getattr(self, name), init_score_thr)
        other = copy(self)
        vars(other).update(limits)
        return other

    @abstractmethod
    def associate(
        self, memory: Memory, detections: InstanceData, ids: IdCounter
    ) -> Association:
        """Name the detections of the next frame.

        All is in main memory, whatever the network runs on, but for what
        :meth:`more_fields` adds.

        Args:
            memory: Of this video and prompt; updated.
            detections: ``bboxes`` (n, 4) xyxy in pixels, ``scores`` (n,), ``labels``
                (n,) int64, ``class_scores`` (n, K), ``embeds`` (n, C), and what
                :meth:`more_fields` adds. In any order.
            ids: Gives new track ids.
        """

    def renew(self, tracks: TracksMemory, seen: InstanceData, frame: int) -> Tensor:
        """Know tracks from what a user has shown; where ``can_correct`` is set.

        Args:
            tracks: Of m tracks alone; updated.
            seen: ``embeds`` (m, C), ``class_scores`` (m, K) of the detections that fit
                what is shown, ``is_seen`` (m,) bool, False where none fits.
            frame: Index of this frame in the memory.

        Returns:
            (m,) int64 labels to report.
        """
        raise NotImplementedError

    def more_fields(
        self, found: RowOutputs, chosen: Tensor, frame: VideoFrame
    ) -> dict[str, Tensor]:
        """Further fields of detections that :meth:`associate` looks at.

        ``chosen`` (n,) int64 are their queries, on the network's device, where the
        fields may stay.
        """
        return {}

    def memory_device(self, device: torch.device) -> torch.device:
        """Main memory: what is compared is small, and decided step by step."""
        return torch.device('cpu')

    def step(
        self, prompts: Sequence[TrackedPrompt], frame: VideoFrame
    ) -> list[InstanceData]:
        """The tracked instances of each list of categories."""
        return [self._step(prompt, frame) for prompt in prompts]

    def _step(self, prompt: TrackedPrompt, frame: VideoFrame) -> InstanceData:
        parts = self._in_main_memory(prompt.found)
        chosen = self._chosen(parts)
        num_categories = len(prompt.state.prompt)
        detections = InstanceData.cat(
            [
                self._detections(found, part, queries, num_categories, frame)
                for found, part, queries in zip(prompt.found, parts, chosen)
                if len(queries)
            ]
        )
        if prompt.corrections:
            return self._corrected(prompt, parts, detections, frame)
        return self._named(prompt, detections, frame)

    def _named(
        self, prompt: TrackedPrompt, detections: InstanceData, frame: VideoFrame
    ) -> InstanceData:
        """Detections that belong to tracks."""
        found = self.associate(prompt.state.memory, detections, frame.ids)
        prompt.update = found.update
        kept, device = found.kept, frame.image.device
        scores, labels = found.scores, found.labels
        results = InstanceData(
            bboxes=detections.bboxes[kept],
            scores=detections.scores[kept] if scores is None else scores,
            labels=detections.labels[kept] if labels is None else labels,
            instances_ids=found.ids,
        )
        results = InstanceData(**{k: upload(v, device) for k, v in results.items()})
        if self.reports_masks(frame):
            results.masks = self._masks(detections, kept, prompt.found, frame)
        return results

    def _corrected(
        self,
        prompt: TrackedPrompt,
        parts: Sequence[_Queries],
        detections: InstanceData,
        frame: VideoFrame,
    ) -> InstanceData:
        """What is shown as it is shown; of the other tracks what is left."""
        memory, ids = prompt.state.memory, torch.tensor(sorted(prompt.corrections))
        targets = [prompt.corrections[i] for i in ids.tolist()]
        shown = torch.stack([t.box().cpu() for t in targets])
        places, is_seen, seen = _fitting(shown, parts, prompt, frame)
        tracks, number = memory.take(ids), memory.frame
        is_other = pairwise_iou(detections.bboxes, shown).amax(1) <= SHOWN_IOU
        others = self._named(prompt, detections[is_other], frame)
        labels = self.renew(tracks, seen, number)
        memory.put(tracks)
        height, width = frame.out_size_hw
        boxes = torch.minimum(shown.clamp(min=0), shown.new_tensor([width, height] * 2))
        values = dict(bboxes=boxes, scores=torch.ones(len(ids)), labels=labels)
        values['instances_ids'] = ids
        device = frame.image.device
        result = InstanceData(**{k: upload(v, device) for k, v in values.items()})
        if self.reports_masks(frame):
            size = (len(ids), *frame.out_size_hw)
            result.masks = torch.zeros(size, dtype=torch.bool, device=device)
            for i, (target, (part, query)) in enumerate(zip(targets, places)):
                if target.mask is not None:
                    result.masks[i] = target.mask.to(device)
                elif is_seen[i]:
                    query = upload(torch.tensor([query]), device)
                    logits = frame.mask_logits(prompt.found[part], query)
                    sizes = frame.size_hw, frame.out_size_hw
                    result.masks[i] = binary_masks(logits, *sizes)[0]
        return InstanceData.cat([result, others])

    def _in_main_memory(self, found: Sequence[RowOutputs]) -> list[_Queries]:
        """All that is tracked by, of all parts of a prompt, in one copy."""
        parts = [
            (part.name_scores(self.with_iou), part.boxes_xyxy, part.embeds)
            for part in found
        ]
        copies = iter(download([values for part in parts for values in part]))
        return [_Queries(next(copies), next(copies), next(copies)) for _ in parts]

    def _chosen(self, parts: Sequence[_Queries]) -> list[Tensor]:
        """Queries of each part of the names, without doubles; of all parts one."""
        best, labels = zip(*(part.scores.max(1) for part in parts))
        chosen = [(b > self.select_score_thr).nonzero()[:, 0] for b in best]
        if not any(len(queries) for queries in chosen):
            part = int(torch.stack([b.max() for b in best]).argmax())
            chosen[part] = best[part].argmax()[None]
        for i, (queries, part) in enumerate(zip(chosen, parts)):
            boxes, limit = part.boxes_xyxy[queries], self.nms_iou_threshold
            kept = class_aware_nms(boxes, best[i][queries], labels[i][queries], limit)
            chosen[i] = queries[kept]
        return self._best(chosen, [b[queries] for b, queries in zip(best, chosen)])

    def _best(self, chosen: Sequence[Tensor], scores: Sequence[Tensor]) -> list[Tensor]:
        """The ``max_objects`` best of all parts; their order stays."""
        if self.max_objects is None:
            return list(chosen)
        order = torch.cat(list(scores)).argsort(descending=True, stable=True)
        is_best = torch.zeros(len(order), dtype=torch.bool)
        is_best[order[: self.max_objects]] = True
        marks = is_best.split([len(queries) for queries in chosen])
        return [queries[mark] for queries, mark in zip(chosen, marks)]

    def _detections(
        self,
        found: RowOutputs,
        part: _Queries,
        chosen: Tensor,
        num_categories: int,
        frame: VideoFrame,
    ) -> InstanceData:
        """Detections of one part of the prompt, n of them.

        Besides what :meth:`associate` gets: ``queries`` (n,), ``parts`` (n,) the label
        offset.
        """
        best, labels = part.scores.max(1)
        class_scores = torch.zeros(len(chosen), num_categories)
        start = found.label_offset
        class_scores[:, start : start + part.scores.shape[1]] = part.scores[chosen]
        boxes = boxes_to_pixels(part.boxes_xyxy[chosen], frame.out_size_hw, clip=False)
        return InstanceData(
            bboxes=boxes,
            scores=best[chosen],
            labels=labels[chosen] + start,
            class_scores=class_scores,
            embeds=part.embeds[chosen],
            queries=chosen,
            parts=torch.full_like(chosen, start),
            **self.more_fields(found, upload(chosen, frame.image.device), frame),
        )

    def _masks(
        self,
        detections: InstanceData,
        kept: Tensor,
        found: Sequence[RowOutputs],
        frame: VideoFrame,
    ) -> Tensor:
        """(m, H, W) bool."""
        device = frame.image.device
        size = (len(kept), *frame.out_size_hw)
        masks = torch.zeros(size, dtype=torch.bool, device=device)
        for part in found:
            mine = (detections.parts[kept] == part.label_offset).nonzero()[:, 0]
            if not len(mine):
                continue
            if 'mask_logits' in detections:  # the tracker has looked at them
                logits = detections.mask_logits[upload(kept[mine], device)]
            else:
                queries = upload(detections.queries[kept[mine]], device)
                logits = frame.mask_logits(part, queries)
            masks[upload(mine, device)] = binary_masks(
                logits, frame.size_hw, frame.out_size_hw
            )
        return masks


class _Queries(NamedTuple):
    """What is known of the Q queries of a part, in main memory.

    Attributes:
        scores: (Q, K).
        boxes_xyxy: (Q, 4) in 0..1.
        embeds: (Q, C).
    """

    scores: Tensor
    boxes_xyxy: Tensor
    embeds: Tensor


def _fitting(
    shown_xyxy: Tensor,
    parts: Sequence[_Queries],
    prompt: TrackedPrompt,
    frame: VideoFrame,
) -> tuple[list[tuple[int, int]], Tensor, InstanceData]:
    """The best queries of those that fit m boxes (m, 4) in pixels.

    Returns:
        Part and query of each; (m,) bool, whether it fits; and what
        :meth:`CategoryTracker.renew` gets.
    """
    boxes = torch.cat([part.boxes_xyxy for part in parts])
    boxes = boxes_to_pixels(boxes, frame.out_size_hw, clip=False)
    ious = pairwise_iou(boxes, shown_xyxy)
    scores = torch.cat([part.scores.amax(1) for part in parts])
    best = (ious * (ious > SHOWN_IOU) * scores[:, None]).max(0)
    sizes = [len(part.boxes_xyxy) for part in parts]
    places = [(part, query) for part, n in enumerate(sizes) for query in range(n)]
    places = [places[i] for i in best.indices.tolist()]
    scores = torch.zeros(len(places), len(prompt.state.prompt))
    for row, (part, query) in zip(scores, places):
        mine = parts[part].scores[query]
        start = prompt.found[part].label_offset
        row[start : start + len(mine)] = mine
    embeds = torch.stack([parts[part].embeds[query] for part, query in places])
    is_seen = best.values > 0
    fields = dict(embeds=embeds.float(), class_scores=scores, is_seen=is_seen)
    return places, is_seen, InstanceData(**fields)
