"""Compare what our sessions find in videos with what the published inference found.

A model with random weights, stored numbers and their frames enter; comparisons leave,
one for each task, frame and kind of thing. Each task runs through a session, as users
run it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from uninext.models.trackers import ExpressionTracker
from uninext.testing.parity_names import compare_mot, compare_vis
from uninext.testing.parity_run import (
    EXACT,
    MASKS,
    MERGED,
    SCORES,
    TaskRun,
    map_of,
)
from uninext.testing.parity_targets import compare_sot, compare_vos
from uninext.testing.stored_numbers import Comparison
from uninext.testing.video_numbers import SharpenedModel, VideoNumbers


def compare_video(
    sharpened: SharpenedModel, numbers: VideoNumbers, folder: Path
) -> Iterator[Comparison]:
    """Run every stored task on its frames and compare what was stored of it.

    Names of comparisons are ``task/frame3/boxes_xyxy`` and the like; their errors are
    in pixels (boxes), shares of pixels or values (masks, maps, templates), or numbers
    of things that differ (ids, labels).

    Raises:
        ValueError: If there is no task among the numbers, or a frame is absent.
    """
    groups = [group for group in numbers.groups() if group not in GIVEN]
    if not any(group in TASKS for group in groups):
        raise ValueError(
            f'The stored numbers hold none of {list(TASKS)}: not of videos '
            f'(given: {groups}).'
        )
    for group in groups:
        if group in TASKS:
            compare, for_tracking = TASKS[group]
            model = sharpened.load(for_tracking)
            yield from compare(TaskRun(model, numbers, folder, group))
        for name in numbers.names:
            known = name in numbers.read or name.rsplit('/', 1)[-1] in NOT_COMPARED
            if name.startswith(f'{group}/') and not known:
                note = 'stored, but compared with nothing'
                yield Comparison(name, (), float('inf'), EXACT, note)


def compare_rvos(run: TaskRun, merge: dict | None = None) -> Iterator[Comparison]:
    """What expressions mean, each by itself."""
    session = run.session(expression=ExpressionTracker(run.with_iou, merge=merge))
    for expression in run.numbers[f'{run.task}/sentences']:
        session.add(expression=str(expression))
    yield from run.size()
    for i, frame in enumerate(run.frames):
        at = f'frame{i}'
        _, results = run.step(session, frame, lambda s, at=at: _expressions(run, at, s))
        yield from results


def _expressions(run: TaskRun, at: str, sample: Any) -> list[Comparison]:
    """Masks, or their map, of a frame; boxes and scores where they are stored."""
    found = sample.pred_instances
    numbers = [prompt + 1 for prompt in found.prompt_ids.tolist()]
    whose = map_of(found, numbers, run.frame_hw)
    return run.where_stored(
        at,
        masks=lambda name: run.masks(name, found.masks.cpu()),
        map=lambda name: run.map(name, whose, MASKS),
        boxes_xyxy=lambda name: run.boxes(name, found.bboxes),
        scores=lambda name: run.close(name, found.scores.cpu(), SCORES),
    )


def compare_refdavis(run: TaskRun) -> Iterator[Comparison]:
    """What expressions mean, in one map."""
    return compare_rvos(run, MERGED)


# how a task is compared, and whether it ran with the weights of tracking
TASKS: dict[str, tuple[Callable[[TaskRun], Iterator[Comparison]], bool]] = {
    'sot': (compare_sot, False),
    'vos_davis': (compare_vos, False),
    'vos_ytvos': (compare_vos, False),
    'rvos': (compare_rvos, False),
    'refdavis': (compare_refdavis, False),
    'mot': (compare_mot, True),
    'mots': (compare_mot, True),
    'vis': (compare_vis, True),
}
GIVEN = ('weights', 'resize')
# Settings of the published run that a session has no choice about, or other words for
# what is compared.
NOT_COMPARED = {
    'frames',
    'multi_class',
    'temporal_score',
    'object_score',
    'update_interval',
    'init_masks',
    'init_ids',
    'init_frame',
    'step',
}
