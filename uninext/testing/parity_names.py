"""Compare everything that has one of several names: MOT, MOTS, VIS.

Shape legend: n instances, (H, W) the frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.structures import InstanceData

from uninext.models.trackers import (
    Association,
    CategoryTracker,
    IdCounter,
    PromptQuasiDenseTracker,
    VideoInstanceTracker,
    VideoSession,
)
from uninext.structures import Memory, TrackUpdate
from uninext.testing.parity_run import EXACT, MASKS, SCORES, TaskRun, worst_share
from uninext.testing.stored_numbers import Comparison


class _Entered:
    """What entered a tracker in the newest frame, and what it kept of that."""

    def __init__(self, tracker: CategoryTracker) -> None:
        inner = tracker.associate

        def associate(
            memory: Memory, detections: InstanceData, ids: IdCounter
        ) -> Association:
            result = inner(memory, detections, ids)
            self.count, kept = len(detections.scores), result.kept
            self.scores, self.labels = detections.scores[kept], detections.labels[kept]
            return result

        tracker.associate = associate


def compare_mot(run: TaskRun) -> Iterator[Comparison]:
    """Quasi-dense association; with masks where they are stored (MOTS)."""
    tracker = PromptQuasiDenseTracker(
        init_score_thr=run.setting('init_score'),
        obj_score_thr=run.setting('object_score'),
        match_score_thr=run.setting('match_score', 0.5),
        select_score_thr=run.setting('select_threshold', 0.1),
        with_iou=run.with_iou,
        with_masks=run.stored('frame0/masks'),
    )
    yield from _names(run, tracker)


def compare_vis(run: TaskRun) -> Iterator[Comparison]:
    """Scores averaged over time, and the results of the whole video."""
    tracker = VideoInstanceTracker(
        init_score_thr=run.setting('init_score'),
        addnew_score_thr=run.setting('new_track_score', 0.2),
        match_score_thr=run.setting('match_score', 0.5),
        nms_thr_pre=run.setting('nms_before', 0.5),
        nms_thr_post=run.setting('nms_after', 0.05),
        memory_len=int(run.setting('memory_length', 3)),
        with_frame_weight=bool(run.setting('frame_weight', 1)),
        with_temporal_weight=bool(run.setting('temporal_weight', 1)),
        result_score_thr=run.setting('apply_class_threshold', 0.05),
        select_score_thr=run.setting('select_threshold', 0.1),
        with_iou=run.with_iou,
    )
    yield from _names(run, tracker, _WholeVideos(run))


def _names(
    run: TaskRun,
    tracker: CategoryTracker,
    videos: _WholeVideos | None = None,
) -> Iterator[Comparison]:
    entered = _Entered(tracker)
    session = run.session(category=tracker)
    names = [str(name) for name in run.numbers[f'{run.task}/names']]
    (prompt_id,) = session.add(categories=names)
    yield from run.size()
    if run.stored('caption'):
        prompt = session.state_dict()['prompts'][prompt_id]['prompt']
        yield run.equal('caption', prompt['text'])
    for i, frame in enumerate(run.frames):
        at = f'frame{i}'
        sample, results = run.step(
            session, frame, lambda s, at=at: _tracks(run, at, s, entered)
        )
        yield from results
        if videos is not None:
            videos.add(session, sample)
    if videos is not None:
        yield from videos.compare(session)


def _tracks(run: TaskRun, at: str, sample: Any, entered: _Entered) -> list[Comparison]:
    """Ids, labels, scores, boxes and masks of a frame, in the tracker's order."""
    found = sample.pred_instances
    return run.where_stored(
        at,
        detections=lambda name: run.equal(name, entered.count),
        ids=lambda name: run.equal(name, found.instances_ids.cpu()),
        labels=lambda name: run.equal(name, entered.labels.cpu()),
        scores=lambda name: run.close(name, entered.scores.cpu(), SCORES),
        boxes_xyxy_unclipped=lambda name: run.boxes(name, found.bboxes),
        mask_ids=lambda name: run.equal(name, found.instances_ids.cpu()),
        masks=lambda name: run.masks(name, found.masks.cpu()),
    )


class _WholeVideos:
    """Results of whole videos (VIS): masks of tracks until they are told to be over."""

    def __init__(self, run: TaskRun) -> None:
        self._run = run
        self._masks: dict[int, dict[int, np.ndarray]] = {}  # track -> frame -> (H, W)
        self._results: list[tuple[int, int, float]] = []  # track, label, score

    def add(self, session: VideoSession, sample: Any) -> None:
        """Keep the masks of a frame, and the results of tracks that ended in it."""
        found = sample.pred_instances
        for track, mask in zip(found.instances_ids.tolist(), found.masks.cpu().numpy()):
            self._masks.setdefault(track, {})[session.num_frames - 1] = mask
        self._close(sample.track_updates)

    def _close(self, updates: list[TrackUpdate]) -> None:
        for update in updates:
            for track in update.discarded.tolist():
                self._masks.pop(track, None)
            ended = update.results
            self._results += zip(
                ended.instances_id.tolist(),
                ended.labels.tolist(),
                ended.scores.tolist(),
            )

    def compare(self, session: VideoSession) -> Iterator[Comparison]:
        """All results by label and score; masks of the best."""
        run, num_frames = self._run, session.num_frames
        self._close(session.finish())
        if not run.stored('final/scores'):
            return
        labels = run.numbers['vis/final/labels'].astype(np.int64)
        scores = run.numbers['vis/final/scores'].astype(np.float64)
        ours = sorted((label, -score) for _, label, score in self._results)
        stored = sorted(zip(labels.tolist(), (-scores).tolist()))
        same = [a[0] for a in ours] == [b[0] for b in stored]
        yield run.result('final/labels', 0 if same else np.inf, EXACT)
        errors = [abs(a[1] - b[1]) for a, b in zip(ours, stored)]
        error = max(errors, default=0.0) if same else np.inf
        yield run.result('final/scores', error, SCORES)
        for j in range(len(scores)):
            if run.stored(f'final/masks{j}'):
                name = f'final/masks{j}'
                masks = run.numbers.bits(f'vis/{name}', run.frame_hw)
                error = self._mask_error(labels[j], scores[j], masks, num_frames)
                yield run.result(name, error, MASKS)

    def _mask_error(
        self, label: int, score: float, masks: np.ndarray, num_frames: int
    ) -> float:
        """Of the best fitting track that has this score under this label."""
        errors = [np.inf]
        for track, name, other in self._results:
            if name == label and abs(score - other) <= SCORES:
                seen, nothing = self._masks.get(track, {}), np.zeros_like(masks[0])
                ours = [seen.get(i, nothing) for i in range(num_frames)]
                errors.append(worst_share(masks, np.stack(ours)))
        return min(errors)
