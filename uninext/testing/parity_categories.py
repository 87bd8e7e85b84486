"""Compare everything that is of one of several categories: MOT, MOTS, VIS."""

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
    yield from _compare(run, tracker)


def compare_vis(run: TaskRun) -> Iterator[Comparison]:
    """Scores averaged over time, and the results of the whole video."""
    run.setting('nms_after', 0.05)  # of untracked instances, which nobody reports
    tracker = VideoInstanceTracker(
        init_score_thr=run.setting('init_score'),
        addnew_score_thr=run.setting('new_track_score', 0.2),
        match_score_thr=run.setting('match_score', 0.5),
        nms_thr_pre=run.setting('nms_before', 0.5),
        memory_len=int(run.setting('memory_length', 3)),
        with_frame_weight=bool(run.setting('frame_weight', 1)),
        with_temporal_weight=bool(run.setting('temporal_weight', 1)),
        result_score_thr=run.setting('apply_class_threshold', 0.05),
        select_score_thr=run.setting('select_threshold', 0.1),
        with_iou=run.with_iou,
    )
    yield from _compare(run, tracker, _WholeVideos(run))


def _compare(
    run: TaskRun, tracker: CategoryTracker, videos: _WholeVideos | None = None
) -> Iterator[Comparison]:
    entered = _Entered(tracker)
    session = run.session(category=tracker)
    names = [str(name) for name in run.numbers[f'{run.task}/names']]
    (prompt_id,) = session.add(categories=names)
    if run.stored('caption'):
        prompt = session.state_dict()['prompts'][prompt_id]['prompt']
        yield run.equal('caption', prompt['text'])

    def compare(at: str, sample: Any) -> list[Comparison]:
        """In the order of the tracker."""
        found = sample.pred_instances
        return run.compare(
            at,
            detections=entered.count,
            ids=found.instances_ids,
            labels=entered.labels,
            scores=entered.scores,
            boxes_xyxy_unclipped=found.bboxes,
            mask_ids=found.instances_ids,
            masks=found.get('masks'),
        )

    if videos is None:
        yield from run.track(session, compare)
        return
    yield from run.track(session, compare, lambda i, _, sample: videos.add(i, sample))
    yield from videos.compare(session)


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


class _WholeVideos:
    """Results of whole videos (VIS): masks of tracks until they are told to be over."""

    def __init__(self, run: TaskRun) -> None:
        self._run = run
        self._masks: dict[int, dict[int, np.ndarray]] = {}  # track -> frame -> (H, W)
        self._results: list[tuple[int, int, float]] = []  # track, label, score

    def add(self, frame: int, sample: Any) -> None:
        """Keep the masks of a frame, and the results of tracks that ended in it."""
        found = sample.pred_instances
        for track, mask in zip(found.instances_ids.tolist(), found.masks.cpu().numpy()):
            self._masks.setdefault(track, {})[frame] = mask
        self._close(sample.track_updates)

    def _close(self, updates: list[TrackUpdate]) -> None:
        for update in updates:
            for track in update.discarded.tolist():
                self._masks.pop(track, None)
            ended = update.results
            columns = (ended.instances_id, ended.labels, ended.scores)
            self._results += zip(*(column.tolist() for column in columns))

    def compare(self, session: VideoSession) -> Iterator[Comparison]:
        """All results by label and score; masks of the best."""
        run = self._run
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
        for j, (label, score) in enumerate(zip(labels, scores)):
            if run.stored(name := f'final/masks{j}'):
                masks = run.numbers.bits(f'vis/{name}', run.frame_hw)
                yield run.result(name, self._mask_error(label, score, masks), MASKS)

    def _mask_error(self, label: int, score: float, masks: np.ndarray) -> float:
        """Of the best track that has this score under this label; masks (T, H, W)."""
        errors = [np.inf]
        for track, name, other in self._results:
            if name == label and abs(score - other) <= SCORES:
                seen, nothing = self._masks.get(track, {}), np.zeros_like(masks[0])
                ours = [seen.get(i, nothing) for i in range(len(masks))]
                errors.append(worst_share(masks, np.stack(ours)))
        return min(errors)
