"""How what a session finds in a task's frames is compared with what is stored.

Where a frame disagrees, proposals that score alike are taken the other way round
(``proposal_order``): the published network and ours may order them differently.

Shape legend: n instances, (H, W) the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.trackers import Tracker, VideoSession
from uninext.testing.parity_shared import order_note, watched_proposals
from uninext.testing.stored_numbers import Comparison
from uninext.testing.video_numbers import VideoNumbers

SCORES = 2e-4
BOXES, BOX_PIXELS = 1e-5, 0.01  # of the longer side of the frame; at least
MASKS = 5e-4  # of the pixels of a frame
EXACT = 0.0
MERGED = dict(type='SoftAggregation')
MAX_TIES = 12  # tied pairs of a frame that are tried the other way round

Compare = Callable[[Any], list[Comparison]]


class TaskRun:
    """A task: its frames, its sessions, and how its numbers are compared."""

    def __init__(
        self, model: Any, numbers: VideoNumbers, folder: Path, task: str
    ) -> None:
        self.model, self.numbers, self.task = model, numbers, task
        self.frame_hw = numbers.size(f'{task}/frame_hw')
        self.input_hw = numbers.input_size(task)
        self.frames = numbers.frames(task, folder)
        self.with_iou = bool(numbers.number(f'{task}/with_iou_branch', 1))

    def session(self, **trackers: Tracker) -> VideoSession:
        """A session at the stored size."""
        return VideoSession(self.model, trackers, self.numbers.scale())

    def step(
        self, session: VideoSession, frame: np.ndarray, compare: Compare
    ) -> tuple[Any, list[Comparison]]:
        """Take a frame; where it disagrees, try tied proposals the other way.

        Returns:
            What the session found, and its comparisons.
        """
        before = session.state_dict()
        with watched_proposals(self.model) as proposals:
            sample = session.step(frame)
            results, accepted = compare(sample), True
            if all(result.passed for result in results):
                return sample, results
            for tie in proposals.ties()[:MAX_TIES]:
                proposals.exchanged.append(tie)
                session.load_state_dict(before)
                again = session.step(frame)
                new = compare(again)
                accepted = _badness(new) < _badness(results)
                if accepted:
                    sample, results = again, new
                else:
                    proposals.exchanged.remove(tie)
                if all(result.passed for result in results):
                    break
            if not accepted:  # the session is where the last try left it
                session.load_state_dict(before)
                sample = session.step(frame)
                results = compare(sample)
            note = order_note(proposals.exchanged, 0)
        for result in results:
            result.note = '; '.join(part for part in (result.note, note) if part)
        return sample, results

    def setting(self, name: str, default: float | None = None) -> float:
        """A stored setting of the task."""
        return self.numbers.number(f'{self.task}/{name}', default)

    def size(self) -> Iterator[Comparison]:
        """Whether the network sees frames of the stored size."""
        if f'{self.task}/input_hw' in self.numbers:
            yield self.equal('input_hw', self.input_hw)

    def result(self, name: str, error: float, tolerance: float) -> Comparison:
        """A comparison; an error that is no number never passes."""
        full = f'{self.task}/{name}'
        shape = self.numbers.shape(full) if full in self.numbers else ()
        return Comparison(full, shape, float(error), tolerance)

    def equal(self, name: str, ours: Any) -> Comparison:
        """Numbers that must be the same, one by one, in this order."""
        stored = np.asarray(self.numbers[f'{self.task}/{name}']).reshape(-1)
        ours = np.asarray(ours).reshape(-1)
        if stored.shape != ours.shape:
            return self.result(name, np.inf, EXACT)
        return self.result(name, int((stored != ours).sum()), EXACT)

    def close(self, name: str, ours: Any, tolerance: float) -> Comparison:
        """Numbers that may differ by a tolerance."""
        stored = np.asarray(self.numbers[f'{self.task}/{name}'], np.float64)
        ours = np.asarray(ours, np.float64)
        if stored.shape != ours.shape:
            return self.result(name, np.inf, tolerance)
        error = np.abs(stored - ours).max(initial=0.0)
        return self.result(name, error, tolerance)

    def boxes(self, name: str, ours: Tensor) -> Comparison:
        """Boxes in pixels of the frame."""
        tolerance = max(BOX_PIXELS, BOXES * max(self.frame_hw))
        return self.close(name, ours.cpu().double().numpy(), tolerance)

    def masks(self, name: str, ours: Tensor | np.ndarray) -> Comparison:
        """Masks that are stored as bits; the error is that of the worst mask."""
        stored = self.numbers.bits(f'{self.task}/{name}', self.frame_hw)
        return self.result(name, worst_share(stored, np.asarray(ours)), MASKS)

    def map(self, name: str, ours: np.ndarray, tolerance: float) -> Comparison:
        """A map of ids."""
        stored = self.numbers[f'{self.task}/{name}']
        return self.result(name, worst_share(stored[None], ours[None]), tolerance)

    def stored(self, name: str) -> bool:
        """Whether the numbers hold it."""
        return f'{self.task}/{name}' in self.numbers

    def where_stored(
        self, at: str, **compare: Callable[[str], Comparison]
    ) -> list[Comparison]:
        """Compare what is stored of a frame.

        Args:
            at: The frame, e.g. ``'frame3'``.
            compare: Name of a thing -> makes its comparison, given the whole name.
        """
        names = [(f'{at}/{name}', make) for name, make in compare.items()]
        return [make(name) for name, make in names if self.stored(name)]


def _badness(results: list[Comparison]) -> tuple[int, float]:
    """How many do not agree, and by what share of their tolerances."""
    failed = [result for result in results if not result.passed]
    return len(failed), sum(r.error / (r.tolerance or 1.0) for r in failed)


def worst_share(stored: np.ndarray, ours: np.ndarray) -> float:
    """The largest share of pixels of one of (n, H, W) that differ."""
    if stored.shape != ours.shape:
        return float('inf')
    return float((stored != ours).mean(axis=(1, 2)).max(initial=0.0))


def map_of(
    found: InstanceData, numbers: list[int], frame_hw: tuple[int, int]
) -> np.ndarray:
    """(H, W) uint8: whose each pixel is."""
    whose = np.zeros(frame_hw, np.uint8)
    for mask, number in zip(found.masks.cpu().numpy(), numbers):
        whose[mask] = number
    return whose
