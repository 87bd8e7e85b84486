"""Multiple object tracking by appearance (MOT, MOTS).

Shape legend: n detections, T tracks, B backdrops, C channels.
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.trackers.association import (
    IGNORED,
    UNTRACKED,
    bisoftmax,
    check_fields,
    join,
    name_new,
)
from uninext.models.trackers.base import IdCounter
from uninext.models.trackers.category_tracker import Association, CategoryTracker
from uninext.registry import MODELS
from uninext.structures import TrackMemory
from uninext.utils.counts import check_count

# A detection too weak to continue a track, but more similar to it, is a double of it.
NMS_CONF_THR = 0.5
# A detection below ``obj_score_thr``, or a backdrop, that overlaps more is dropped.
NMS_BACKDROP_IOU_THR = 0.3


@MODELS.register_module()
class PromptQuasiDenseTracker(CategoryTracker):
    """Associate detections with tracks by bi-directional softmax of embeddings.

    mmdet's ``QuasiDenseTracker`` decides alike, but keeps its tracks on itself and
    calls the network; this one holds settings only. A frame without detections ages
    the memory like any other.

    Paper: Quasi-Dense Similarity Learning for Multiple Object Tracking, 2006.06664;
    thresholds of UNINEXT's published BDD100K run (method.md 5.5).

    Args:
        init_score_thr: A new track needs a higher score.
        obj_score_thr: A detection needs a higher score to continue a track.
        match_score_thr: Similarity must be higher to be the same target, 0..1.
        keep_lost: A track unseen in that many frames ends.
        memo_backdrop_frames: Frames for which untracked detections are remembered, so
            that a distractor does not take a track over.
        memo_momentum: Share of the new embedding in a track's, 0..1; 1 replaces it.
        nms_class_iou_thr: Of detections that overlap more, the better one is kept, of
            whatever class.
        with_cats: A track keeps its class.
        **kwargs: Of :class:`CategoryTracker`.
    """

    memory_type = TrackMemory
    can_correct = True

    def __init__(
        self,
        init_score_thr: float = 0.4,
        obj_score_thr: float = 0.3,
        match_score_thr: float = 0.5,
        keep_lost: int = 10,
        memo_backdrop_frames: int = 1,
        memo_momentum: float = 1.0,
        nms_class_iou_thr: float = 0.7,
        with_cats: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= memo_momentum <= 1.0:
            raise ValueError(f'memo_momentum must lie in 0..1, got {memo_momentum}')
        check_count(keep_lost, 'keep_lost')
        if memo_backdrop_frames < 0:
            raise ValueError(
                f'memo_backdrop_frames must be at least 0, got {memo_backdrop_frames}'
            )
        self.init_score_thr = init_score_thr
        self.obj_score_thr = obj_score_thr
        self.match_score_thr = match_score_thr
        self.keep_lost = keep_lost
        self.memo_backdrop_frames = memo_backdrop_frames
        self.memo_momentum = memo_momentum
        self.nms_class_iou_thr = nms_class_iou_thr
        self.with_cats = with_cats

    @torch.no_grad()
    def associate(
        self, memory: TrackMemory, detections: InstanceData, ids: IdCounter
    ) -> Association:
        """See :meth:`CategoryTracker.associate`.

        Raises:
            ValueError: If a field of the detections is missing.
        """
        check_fields(detections, ('bboxes', 'scores', 'labels', 'embeds'))
        order = detections.scores.argsort(descending=True, stable=True)
        ious = bbox_overlaps(detections.bboxes[order], detections.bboxes[order])
        single = self._without_doubles(ious, detections.scores[order])
        order, ious = order[single], ious[single][:, single]
        scores = detections.scores[order]
        labels = detections.labels[order]
        embeds = detections.embeds[order].float()  # products of halves overflow

        tracks = self._match(memory, scores, labels, embeds)
        name_new(tracks, scores, self.init_score_thr, ids)
        self._remember_tracks(memory, tracks, labels, embeds)
        distinct = ~_covered(ious, NMS_BACKDROP_IOU_THR)
        backdrop = (tracks == UNTRACKED) & distinct
        self._remember_backdrops(memory, labels[backdrop], embeds[backdrop])
        memory.frame += 1
        tracked = tracks >= 0
        return Association(order[tracked], tracks[tracked])

    def renew(self, tracks: TrackMemory, seen: InstanceData, frame: int) -> Tensor:
        """See :meth:`CategoryTracker.renew`: embedding and class are replaced."""
        tracks.embeds = torch.where(seen.is_seen[:, None], seen.embeds, tracks.embeds)
        labels = seen.class_scores.argmax(1)
        tracks.labels = torch.where(seen.is_seen, labels, tracks.labels)
        tracks.last_frames = torch.full_like(tracks.last_frames, frame)
        return tracks.labels

    def _without_doubles(self, ious: Tensor, scores: Tensor) -> Tensor:
        """(n,) bool; as published, what is dropped itself still covers others."""
        weak = scores < self.obj_score_thr
        strict = _covered(ious, NMS_BACKDROP_IOU_THR)
        return ~torch.where(weak, strict, _covered(ious, self.nms_class_iou_thr))

    def _match(
        self, state: TrackMemory, scores: Tensor, labels: Tensor, embeds: Tensor
    ) -> Tensor:
        """(n,) int64: the track of each, best detection first."""
        ids = torch.full_like(labels, UNTRACKED)
        if not len(state) or not len(ids):
            return ids
        similarity = bisoftmax(embeds, torch.cat([state.embeds, state.backdrop_embeds]))
        if self.with_cats:
            memory_labels = torch.cat([state.labels, state.backdrop_labels])
            similarity = similarity * (labels[:, None] == memory_labels[None])
        track_ids, strong = state.ids.tolist(), (scores > self.obj_score_thr).tolist()
        for i, is_strong in enumerate(strong):
            confidence, column = similarity[i].max(dim=0)
            if confidence <= self.match_score_thr or column >= len(track_ids):
                continue
            if is_strong:
                ids[i] = track_ids[int(column)]
                similarity[:, column] = 0
            elif confidence > NMS_CONF_THR:
                ids[i] = IGNORED
        return ids

    def _remember_tracks(
        self, state: TrackMemory, ids: Tensor, labels: Tensor, embeds: Tensor
    ) -> None:
        track_embeds = state.embeds.clone()
        last_frames = state.last_frames.clone()
        same = state.ids[:, None] == ids[None]  # (T, n)
        row, column = same.nonzero(as_tuple=True)
        if len(row):
            track_embeds[row] = torch.lerp(
                track_embeds[row], embeds[column], self.memo_momentum
            )
            last_frames[row] = state.frame
            state.labels = state.labels.clone()
            state.labels[row] = labels[column]
        new = (ids >= 0) & ~same.any(dim=0)
        state.ids = join(state.ids, ids[new])
        state.embeds = join(track_embeds, embeds[new])
        state.labels = join(state.labels, labels[new])
        state.last_frames = join(last_frames, torch.full_like(ids[new], state.frame))
        alive = state.frame - state.last_frames < self.keep_lost
        state.ids, state.embeds = state.ids[alive], state.embeds[alive]
        state.labels, state.last_frames = state.labels[alive], state.last_frames[alive]

    def _remember_backdrops(
        self, state: TrackMemory, labels: Tensor, embeds: Tensor
    ) -> None:
        recent = state.frame - state.backdrop_frames < self.memo_backdrop_frames
        frames = torch.full_like(labels, state.frame)
        kept = len(labels) if self.memo_backdrop_frames else 0
        state.backdrop_embeds = join(state.backdrop_embeds[recent], embeds[:kept])
        state.backdrop_labels = join(state.backdrop_labels[recent], labels[:kept])
        state.backdrop_frames = join(state.backdrop_frames[recent], frames[:kept])


def _covered(ious: Tensor, threshold: float) -> Tensor:
    """(n,) bool: overlaps more than ``threshold`` with one that is better."""
    return (ious > threshold).tril(diagonal=-1).any(dim=1)
