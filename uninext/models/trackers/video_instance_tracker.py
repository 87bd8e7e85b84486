"""Video instance segmentation: ids, and scores averaged over time.

Shape legend: n detections, T tracks, M embeddings kept of a track, C channels, K names.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.predictors import RowOutputs
from uninext.models.trackers.association import (
    UNTRACKED,
    bisoftmax,
    check_fields,
    join,
    keep_greedily,
    name_new,
    pairwise_mask_iou,
)
from uninext.models.trackers.base import IdCounter, VideoFrame
from uninext.models.trackers.category_tracker import Association, CategoryTracker
from uninext.registry import MODELS
from uninext.structures import InstanceMemory, TrackUpdate
from uninext.utils.counts import check_count
from uninext.utils.transfers import upload

# As published (method.md 5.6).
FRAME_WEIGHT_THR = 0.5  # similarity from which a track is one of several
FILTER_FROM_FRAME = 9  # short tracks are discarded from here on; not what ended before
FILTER_GAP = 2  # ... when unseen in that many last frames
MIN_VALID_FRAMES = 3  # a track seen in fewer is short


@MODELS.register_module()
class VideoInstanceTracker(CategoryTracker):
    """Associate instances with a short memory of embeddings; average their scores.

    Where the published code keeps the whole video and filters it afterwards, tracks
    are handed out as they end (:class:`TrackUpdate`), which gives the same result
    with a memory that does not grow. Masks of a track are the caller's to keep.
    Instances are told apart by their masks in any case; a track is reported under the
    name with the highest mean score so far.

    Paper: In Defense of Online Models for Video Instance Segmentation, 2207.10661;
    thresholds and the filter of UNINEXT's published runs (method.md 5.6).

    Args:
        init_score_thr: The first tracks need a higher score.
        addnew_score_thr: Other new tracks need a higher score.
        match_score_thr: Similarity must be higher to be the same target.
        nms_thr_pre: Detections whose masks overlap more with a better one are dropped.
        keep_lost: A track unseen in that many frames ends.
        memory_len: Embeddings M kept of a track.
        with_frame_weight: Where several tracks are similar, prefer the one seen longer.
        with_temporal_weight: Newer embeddings of a track weigh more.
        result_score_thr: A track is reported under every name with a higher mean.
        nms_iou_threshold: See :class:`CategoryTracker`.
        **kwargs: Of :class:`CategoryTracker`.
    """

    memory_type = InstanceMemory
    can_correct = True
    needs_masks = True
    new_track_thrs = ('init_score_thr', 'addnew_score_thr')

    def __init__(
        self,
        init_score_thr: float = 0.2,
        addnew_score_thr: float = 0.2,
        match_score_thr: float = 0.5,
        nms_thr_pre: float = 0.5,
        keep_lost: int = 10,
        memory_len: int = 3,
        with_frame_weight: bool = True,
        with_temporal_weight: bool = True,
        result_score_thr: float = 0.05,
        nms_iou_threshold: float = 0.9,
        **kwargs: Any,
    ) -> None:
        super().__init__(nms_iou_threshold=nms_iou_threshold, **kwargs)
        check_count(keep_lost, 'keep_lost')
        check_count(memory_len, 'memory_len')
        self.init_score_thr = init_score_thr
        self.addnew_score_thr = addnew_score_thr
        self.match_score_thr = match_score_thr
        self.nms_thr_pre = nms_thr_pre
        self.keep_lost = keep_lost
        self.memory_len = memory_len
        self.with_frame_weight = with_frame_weight
        self.with_temporal_weight = with_temporal_weight
        self.result_score_thr = result_score_thr

    def more_fields(
        self, found: RowOutputs, chosen: Tensor, frame: VideoFrame
    ) -> dict[str, Tensor]:
        """Masks; ``ValueError`` if the model has no mask head."""
        if frame.mask_head is None:
            raise ValueError(
                'Video instances are told apart by their masks, but the model has no '
                "mask head. Use dict(type='PromptQuasiDenseTracker') for boxes."
            )
        logits = frame.mask_logits(found, chosen)
        return dict(mask_logits=logits, masks=logits > 0)

    @torch.no_grad()
    def associate(
        self, memory: InstanceMemory, detections: InstanceData, ids: IdCounter
    ) -> Association:
        """See :meth:`CategoryTracker.associate`; besides ``masks`` (n, h, w) bool or
        logits, at any one stride, are read.

        Raises:
            ValueError: If a field of the detections is missing.
        """
        check_fields(detections, ('scores', 'class_scores', 'embeds', 'masks'))
        order = detections.scores.argsort(descending=True, stable=True)
        masks = detections.masks[upload(order, detections.masks.device)]
        ious = pairwise_mask_iou((masks > 0).flatten(1)).cpu()
        single = keep_greedily(ious, self.nms_thr_pre)
        order = order[single]
        found = InstanceData(
            scores=detections.scores[order],
            class_scores=detections.class_scores[order],
            embeds=detections.embeds[order].float(),  # products of halves overflow
        )
        threshold = self.addnew_score_thr if len(memory) else self.init_score_thr
        tracks = self._match(memory, found.embeds)
        name_new(tracks, found.scores, threshold, ids)
        self._remember(memory, tracks, found)
        discarded = self._discard_short(memory)
        ended = self._forget(memory)
        memory.frame += 1
        reported = tracks >= 0
        kept, tracks = order[reported], tracks[reported]
        means = memory.mean_scores(tracks).to(detections.class_scores)
        scores, labels = means.max(1)
        update = TrackUpdate(ended, discarded)
        return Association(kept, tracks, scores, labels, update)

    def renew(self, tracks: InstanceMemory, seen: InstanceData, frame: int) -> Tensor:
        """See :meth:`CategoryTracker.renew`: all embeddings of a track are replaced."""
        is_seen, embeds = seen.is_seen, seen.embeds[:, None].expand_as(tracks.embeds)
        ones = torch.ones_like(tracks.embed_scores)
        tracks.embeds = torch.where(is_seen[:, None, None], embeds, tracks.embeds)
        tracks.embed_scores = torch.where(is_seen[:, None], ones, tracks.embed_scores)
        tracks.seen_frames = tracks.seen_frames + is_seen
        tracks.last_frames = torch.full_like(tracks.last_frames, frame)
        tracks.score_sums = tracks.score_sums + seen.class_scores * is_seen[:, None]
        tracks.valid_frames = tracks.valid_frames + is_seen
        return tracks.mean_scores(tracks.ids).argmax(1)

    def finish(self, memory: InstanceMemory) -> TrackUpdate:
        """Tracks that the end of the video completes."""
        ended = self._results(memory, memory.valid_frames > 0)
        return TrackUpdate(ended, memory.ids[:0])

    def _results(self, memory: InstanceMemory, ended: Tensor) -> InstanceData:
        """One result for every name that an ended track may have, track by track.

        Returns:
            ``instances_id``, ``labels`` (int64) and ``scores``, (r,) each: means over
            the frames in which a track was seen.
        """
        ids = memory.ids[ended]
        means = memory.mean_scores(ids)  # (t, K)
        row, label = (means > self.result_score_thr).nonzero(as_tuple=True)
        return InstanceData(
            instances_id=ids[row], labels=label, scores=means[row, label]
        )

    def _match(self, state: InstanceMemory, embeds: Tensor) -> Tensor:
        """(n,) int64: the track of each, best detection first."""
        ids = torch.full((len(embeds),), UNTRACKED)
        if not len(state) or not len(ids):
            return ids
        similarity = bisoftmax(embeds, self._memory_embeds(state))
        track_ids = state.ids.tolist()
        seen = state.seen_frames.to(similarity)
        for i in range(len(ids)):
            row = similarity[i]
            alike = row > FRAME_WEIGHT_THR
            if self.with_frame_weight and int(alike.sum()) > 1:
                row = row * torch.where(alike, seen, seen[alike].mean())
            confidence, column = row.max(dim=0)
            if confidence > self.match_score_thr:
                ids[i] = track_ids[int(column)]
                similarity[:, column] = 0
        return ids

    def _memory_embeds(self, state: InstanceMemory) -> Tensor:
        """(T, C): mean of a track's last embeddings, weighted by score and age."""
        filled = state.seen_frames.clamp(max=self.memory_len)[:, None]  # (T, 1)
        slot = torch.arange(self.memory_len)
        rank = slot[None] - (self.memory_len - filled) + 1  # (T, M), newest = filled
        weights = state.embed_scores
        if self.with_temporal_weight:
            weights = weights + rank / filled
        weights = weights.where(rank > 0, weights.new_zeros(()))
        weighted = (state.embeds * weights[..., None]).sum(dim=1)
        return weighted / weights.sum(dim=1, keepdim=True)

    def _remember(
        self, state: InstanceMemory, ids: Tensor, found: InstanceData
    ) -> None:
        same = state.ids[:, None] == ids[None]  # (T, n)
        row, column = same.nonzero(as_tuple=True)
        new = (ids >= 0) & ~same.any(dim=0)
        count, length = int(new.sum()), self.memory_len
        zeros = torch.zeros_like(ids[new])
        embeds = found.embeds.new_zeros(count, length, found.embeds.shape[1])
        scores = found.scores.new_zeros(count, length)
        sums = torch.zeros_like(found.class_scores[new])
        row = torch.cat([row, torch.arange(count) + len(state)])
        column = torch.cat([column, new.nonzero()[:, 0]])

        state.ids = join(state.ids, ids[new])
        state.embeds = join(state.embeds, embeds).clone()
        state.embed_scores = join(state.embed_scores, scores).clone()
        state.seen_frames = join(state.seen_frames, zeros).clone()
        state.last_frames = join(state.last_frames, zeros).clone()
        state.score_sums = join(state.score_sums, sums).clone()
        state.valid_frames = join(state.valid_frames, zeros).clone()
        if not len(row):
            return
        newest = found.embeds[column][:, None]
        state.embeds[row] = torch.cat([state.embeds[row][:, 1:], newest], dim=1)
        state.embed_scores[row] = torch.cat(
            [state.embed_scores[row][:, 1:], found.scores[column][:, None]], dim=1
        )
        state.seen_frames[row] += 1
        state.last_frames[row] = state.frame
        state.score_sums[row] += found.class_scores[column]
        state.valid_frames[row] += 1

    def _discard_short(self, state: InstanceMemory) -> Tensor:
        short = (
            (state.frame - state.last_frames >= FILTER_GAP)
            & (state.valid_frames < MIN_VALID_FRAMES)
            & (state.valid_frames > 0)
        )
        if state.frame < FILTER_FROM_FRAME:
            short = torch.zeros_like(short)
        state.valid_frames = state.valid_frames.masked_fill(short, 0)
        state.score_sums = state.score_sums.masked_fill(short[:, None], 0.0)
        return state.ids[short]

    def _forget(self, state: InstanceMemory) -> InstanceData:
        """Drop the tracks that ended; their results."""
        alive = state.frame - state.last_frames < self.keep_lost
        ended = self._results(state, ~alive & (state.valid_frames > 0))
        state.ids, state.embeds = state.ids[alive], state.embeds[alive]
        state.embed_scores = state.embed_scores[alive]
        state.seen_frames = state.seen_frames[alive]
        state.last_frames = state.last_frames[alive]
        state.score_sums = state.score_sums[alive]
        state.valid_frames = state.valid_frames[alive]
        return ended
