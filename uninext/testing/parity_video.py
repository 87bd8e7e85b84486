"""Compare what our sessions find in videos with what the published inference found.

Each task runs through a session, as users run it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from uninext.models.trackers import ExpressionTracker
from uninext.testing.parity_categories import compare_mot, compare_vis
from uninext.testing.parity_run import EXACT, MERGED, TaskRun, map_of
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

    def compare(at: str, sample: Any) -> list[Comparison]:
        found = sample.pred_instances
        numbers = [prompt + 1 for prompt in found.prompt_ids.tolist()]
        return run.compare(
            at,
            masks=found.masks,
            map=map_of(found, numbers, run.frame_hw),
            boxes_xyxy=found.bboxes,
            scores=found.scores,
        )

    return run.track(session, compare)


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
    *('frames', 'multi_class', 'temporal_score', 'object_score', 'update_interval'),
    *('init_masks', 'init_ids', 'init_frame', 'step'),
}
