"""How what a session finds in a task's frames is compared with what is stored.

Shape legend: n instances, (H, W) the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from torch import Tensor

from uninext.models.trackers import Tracker, VideoSession
from uninext.testing.proposal_order import in_best_order
from uninext.testing.stored_numbers import Comparison
from uninext.testing.video_numbers import VideoNumbers

SCORES = 2e-4
BOXES, BOX_PIXELS = 1e-5, 0.01  # of the longer side of the frame; at least
MASKS = 5e-4  # of the pixels of a frame
EXACT = 0.0
MERGED = dict(type='SoftAggregation')
MAX_TIES = 12  # tied pairs of a frame that are tried the other way round
CLOSE = 0.1  # of a tolerance

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
        self.with_iou = bool(self.setting('with_iou_branch', 1))

    def session(self, **trackers: Tracker) -> VideoSession:
        """A session at the stored size."""
        return VideoSession(self.model, trackers, self.numbers.scale())

    def track(
        self,
        session: VideoSession,
        compare: Callable[[str, Any], list[Comparison]],
        after: Callable[[int, np.ndarray, Any], None] = lambda *_: None,
    ) -> Iterator[Comparison]:
        """Take all frames.

        Args:
            session: Knows what is asked for.
            compare: Given a frame (``'frame3'``) and what was found in it.
            after: Given the number of a frame, the frame and what was found in it.
        """
        yield from self.size()
        for i, frame in enumerate(self.frames):
            sample, results = self.step(session, frame, partial(compare, f'frame{i}'))
            yield from results
            after(i, frame, sample)

    def step(
        self, session: VideoSession, frame: np.ndarray, compare: Compare
    ) -> tuple[Any, list[Comparison]]:
        """Take a frame; where it disagrees, try tied proposals the other way.

        A frame may agree and still be off by far more than noise, of one pair: what is
        made of many frames would add that up. So pairs are tried from ``CLOSE`` on.

        Returns:
            What the session found, and its comparisons.
        """
        before = session.state_dict()

        def run() -> tuple[Any, list[Comparison], dict[str, Any]]:
            session.load_state_dict(before)
            sample = session.step(frame)
            return sample, compare(sample), session.state_dict()

        (sample, results, after), note = in_best_order(
            self.model,
            run,
            badness=lambda result: _badness(result[1]),
            may_help=lambda result, tie: not all(map(_is_close, result[1])),
            most=MAX_TIES,
        )
        session.load_state_dict(after)  # not where the last try left it
        for result in results:
            result.note = '; '.join(part for part in (result.note, note) if part)
        return sample, results

    def stored(self, name: str) -> bool:
        """Whether the numbers hold it."""
        return f'{self.task}/{name}' in self.numbers

    def setting(self, name: str, default: float | None = None) -> float:
        """A stored setting of the task."""
        return self.numbers.number(f'{self.task}/{name}', default)

    def size(self) -> Iterator[Comparison]:
        """Whether the network sees frames of the stored size."""
        if self.stored('input_hw'):
            yield self.equal('input_hw', self.input_hw)

    def compare(
        self, at: str, map_tolerance: float = MASKS, **ours: Any
    ) -> list[Comparison]:
        """Compare what is stored of a frame.

        Args:
            at: The frame, e.g. ``'frame3'``.
            map_tolerance: Share of the pixels of a map of ids.
            **ours: ``boxes*`` in pixels, ``scores``, ``masks`` (stored as bits),
                ``map`` (of ids); others are numbers that must be equal.
        """
        return [
            self._compare(f'{at}/{kind}', kind, value, map_tolerance)
            for kind, value in ours.items()
            if self.stored(f'{at}/{kind}')
        ]

    def _compare(
        self, name: str, kind: str, ours: Any, map_tolerance: float
    ) -> Comparison:
        if isinstance(ours, Tensor):
            ours = ours.cpu().numpy()
        if kind == 'scores':
            return self.close(name, ours, SCORES)
        if kind.startswith('boxes'):
            tolerance = max(BOX_PIXELS, BOXES * max(self.frame_hw))
            return self.close(name, ours, tolerance)
        if kind == 'masks':
            stored = self.numbers.bits(f'{self.task}/{name}', self.frame_hw)
            return self.result(name, worst_share(stored, ours), MASKS)
        if kind == 'map':
            stored = self.numbers[f'{self.task}/{name}']
            error = worst_share(stored[None], ours[None])
            return self.result(name, error, map_tolerance)
        return self.equal(name, ours)

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


def _is_close(result: Comparison) -> bool:
    """Whether an error is as that of noise alone."""
    return result.passed and result.error <= CLOSE * result.tolerance


def _badness(results: list[Comparison]) -> tuple[int, float]:
    """How many do not agree, and by what share of their tolerances all are off."""
    failed = sum(not result.passed for result in results)
    return failed, sum(r.error / (r.tolerance or 1.0) for r in results)


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
