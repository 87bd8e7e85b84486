"""Compare targets that are shown and found again: SOT and VOS.

Shape legend: (H, W) the frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uninext.models.trackers import TemplateTracker, target_at_input
from uninext.structures import Target
from uninext.testing.parity_run import (
    BOX_PIXELS,
    EXACT,
    MASKS,
    MERGED,
    SCORES,
    TaskRun,
    map_of,
)
from uninext.testing.parity_templates import Templates
from uninext.testing.stored_numbers import Comparison

LATE_MAPS, EARLY_FRAMES = 5e-3, 6  # a template depends on the mask before


def compare_sot(run: TaskRun) -> Iterator[Comparison]:
    """A target shown by its box; where it is shown there is no score."""
    update = dict(
        type='PeriodicTemplateUpdate',
        interval=int(run.setting('update_interval')),
        min_score=run.setting('update_threshold'),
    )
    tracker = TemplateTracker(update=update, with_iou=run.with_iou, with_masks=False)
    session = run.session(box=tracker)
    session.add(box=run.numbers['sot/init_box_xyxy'])
    templates = Templates(run.numbers, run.task, run.model)

    def compare(at: str, sample: Any) -> list[Comparison]:
        found = sample.pred_instances
        return run.compare(at, boxes_xyxy=found.bboxes, scores=found.scores)

    yield from run.track(
        session, compare, lambda i, frame, _: templates.look_at(session, i, frame)
    )
    yield from templates.compare(tracker)


def compare_vos(run: TaskRun) -> Iterator[Comparison]:
    """Targets shown by their masks, in one map."""
    tracker = TemplateTracker(
        update=dict(
            type='ConfidentTemplateUpdate', min_score=run.setting('update_threshold')
        ),
        merge=dict(MERGED, blank_score_thr=run.setting('empty_below_score', 0.0)),
        shown_mask='round_trip',
        with_iou=run.with_iou,
    )
    targets, boxes = _shown_targets(run)
    session = run.session(mask=tracker)
    ids: dict[int, int] = {}  # prompt -> id of its target
    templates = Templates(run.numbers, run.task, run.model)
    yield from run.size()
    if run.stored('init_boxes_xyxy_at_input_size'):
        yield run.close('init_boxes_xyxy_at_input_size', boxes, EXACT)
    for i, frame in enumerate(run.frames):
        new = {number: mask for number, first, mask in targets if first == i}
        for number, mask in new.items():
            ids.update(dict.fromkeys(session.add(mask=mask), number))
        first = _first_predictions(run, tracker, frame, i, new)
        compare = partial(_compare_vos_frame, run, i, ids, first)
        sample, results = run.step(session, frame, compare)
        yield from results
        templates.look_at(session, i, frame)
        found = sample.pred_instances
        stored = torch.from_numpy(run.numbers[f'{run.task}/frame{i}/map'])
        templates.masks[i] = {
            prompt: (mask.cpu(), stored == ids[prompt])
            for prompt, mask in zip(found.prompt_ids.tolist(), found.masks)
        }
    yield from templates.compare(tracker)


def _compare_vos_frame(
    run: TaskRun, i: int, ids: dict[int, int], first: dict[int, Any], sample: Any
) -> list[Comparison]:
    """Map, ids, scores and boxes of frame ``i``.

    Args:
        run: The task.
        i: Number of the frame.
        ids: Prompt -> id of its target.
        first: Id -> box (4,) and score by the network in the frame that shows it.
        sample: What was found.
    """
    found = sample.pred_instances
    mine = [ids[prompt] for prompt in found.prompt_ids.tolist()]
    boxes, scores = found.bboxes.clone(), found.scores.clone()
    for number, (box, score) in first.items():
        place = mine.index(number)
        boxes[place], scores[place] = box, score
    return run.compare(
        f'frame{i}',
        map_tolerance=MASKS if i < EARLY_FRAMES else LATE_MAPS,
        map=map_of(found, mine, run.frame_hw),
        ids=mine,
        scores=scores,
        boxes_xyxy=boxes,
    )


def _shown_targets(run: TaskRun) -> tuple[list[tuple[int, int, Tensor]], np.ndarray]:
    """(id, first frame, (H, W) mask) of each target; their boxes at input size."""
    given = run.task if run.stored('init_masks') else 'vos_davis'
    masks = torch.from_numpy(run.numbers.bits(f'{given}/init_masks', run.frame_hw))
    numbers, first = (
        [int(n) for n in run.numbers[f'{run.task}/{name}']]
        for name in ('init_ids', 'init_frame')
    )
    boxes = [
        target_at_input(Target(mask=mask), run.frame_hw, run.input_hw)[0]
        for mask in masks
    ]
    return list(zip(numbers, first, masks)), torch.stack(boxes).numpy()


def _first_predictions(
    run: TaskRun,
    tracker: TemplateTracker,
    frame: np.ndarray,
    i: int,
    masks: dict[int, Tensor],
) -> dict[int, tuple[Tensor, Tensor]]:
    """Boxes and scores by the network of targets in the very frame that shows them.

    The published code asks it and then takes what was given; our sessions do not ask.
    So another session gets the frame twice: shown in the first, found in the second.
    """
    if not masks:
        return {}
    session = run.session(mask=tracker)
    session.add(mask=torch.stack(list(masks.values())))
    session.step(frame)
    name = f'{run.task}/frame{i}'
    rows = [run.numbers[f'{name}/ids'].tolist().index(number) for number in masks]
    boxes, scores = (run.numbers[f'{name}/{n}'][rows] for n in ('boxes_xyxy', 'scores'))

    def compare(sample: Any) -> list[Comparison]:
        found = sample.pred_instances
        pairs = ((found.scores, scores, SCORES), (found.bboxes, boxes, BOX_PIXELS))
        return [
            Comparison(
                name, (), float(np.abs(ours.cpu().numpy() - stored).max()), limit
            )
            for ours, stored, limit in pairs
        ]

    sample, _ = run.step(session, frame, compare)
    found = sample.pred_instances
    return dict(zip(masks, zip(found.bboxes, found.scores)))
