"""Assign targets to distinct instances (Hungarian).

Beyond the paper, where each target takes its best query, and two alike may take the
same.

Shape legend: n targets, G groups of overlapping boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from uninext.models.ops import class_aware_nms, pairwise_iou
from uninext.models.trackers.base import (
    PickedQuery,
    TrackedPrompt,
    best_query,
)

MOST_CANDIDATES = 20  # of a target, after its NMS: more than a scene has objects alike


def distinct_queries(
    prompts: Sequence[TrackedPrompt],
    target_xyxy: Tensor,
    with_iou: bool,
    iou_threshold: float,
) -> list[PickedQuery]:
    """A query for each target, of different instances wherever there are enough.

    Boxes that overlap more than ``iou_threshold`` are one instance, whoever found them.
    Targets are given to instances such that the sum of scores is largest (Hungarian
    method); a target that is left without takes its best query, as if it were alone.
    What is at ``target_xyxy`` (m, 4), boxes in 0..1 of targets that this very frame
    shows, is theirs.
    """
    if len(prompts) + len(target_xyxy) < 2 or not prompts:  # nothing to share
        return [best_query(prompt, with_iou) for prompt in prompts]
    from scipy.optimize import linear_sum_assignment  # half a second to load

    found = [_candidates(prompt, with_iou, iou_threshold) for prompt in prompts]
    boxes = torch.cat([boxes for boxes, *_ in found] + [target_xyxy])
    scores = torch.cat([scores for _, scores, _ in found])
    # No sum of other scores is worth as much as the target that is shown.
    certain = scores.new_full((len(target_xyxy),), len(prompts) + 1.0)
    scores = torch.cat([scores, certain])
    sizes = [len(one) for _, one, _ in found] + [1] * len(target_xyxy)
    owners = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    groups = _groups(boxes, scores, iou_threshold).cpu()
    worth = scores.new_zeros((len(sizes), int(groups.max()) + 1), device='cpu')
    flat = owners * worth.shape[1] + groups
    worth.view(-1).scatter_reduce_(0, flat, scores.cpu(), 'amax')
    rows, columns = linear_sum_assignment(-worth.numpy())
    given = dict(zip(rows.tolist(), columns.tolist()))
    picked, start = [], 0
    for target, (_, _, queries) in enumerate(found):
        mine = groups[start : start + len(queries)] == given.get(target, -1)
        start += len(queries)
        picked.append(queries[int(mine.int().argmax())])  # best first; 0 if none
    return picked


def _candidates(
    prompt: TrackedPrompt, with_iou: bool, iou_threshold: float
) -> tuple[Tensor, Tensor, list[PickedQuery]]:
    """The boxes, scores and places of what a target may be, best first."""
    scores = torch.cat([part.name_scores(with_iou)[:, 0] for part in prompt.found])
    scores = scores.float()
    boxes = torch.cat([part.boxes_xyxy for part in prompt.found]).float()
    labels = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    kept = class_aware_nms(boxes, scores, labels, iou_threshold)[:MOST_CANDIDATES]
    places = [
        PickedQuery(number, query)
        for number, part in enumerate(prompt.found)
        for query in range(len(part.boxes_xyxy))
    ]
    return boxes[kept], scores[kept], [places[i] for i in kept.tolist()]


def _groups(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """(N,) int64: the best box that each box overlaps, numbered from 0."""
    labels = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    heads = class_aware_nms(boxes, scores, labels, iou_threshold)
    return pairwise_iou(boxes, boxes[heads]).argmax(1)
