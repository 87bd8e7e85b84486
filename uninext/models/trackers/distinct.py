"""Assign targets to distinct instances (Hungarian).

Beyond the paper, where each target takes its best query, and two alike may take the
same.

Shape legend: n targets, k candidates of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from uninext.models.ops import class_aware_nms, pairwise_iou
from uninext.models.trackers.base import (
    PickedQuery,
    TrackedPrompt,
    best_query,
)
from uninext.utils.transfers import download, tensor_on

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
    shows, in main memory, is theirs.
    """
    if len(prompts) + len(target_xyxy) < 2 or not prompts:  # nothing to share
        return [best_query(prompt, with_iou) for prompt in prompts]
    from scipy.optimize import linear_sum_assignment  # half a second to load

    found = _candidates(prompts, with_iou, iou_threshold)
    boxes = torch.cat([one.boxes for one in found] + [target_xyxy])
    scores = torch.cat([one.scores for one in found])
    # No sum of other scores is worth as much as the target that is shown.
    certain = scores.new_full((len(target_xyxy),), len(prompts) + 1.0)
    scores = torch.cat([scores, certain])
    sizes = [len(one.scores) for one in found] + [1] * len(target_xyxy)
    owners = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    groups = _groups(boxes, scores, iou_threshold)
    worth = scores.new_zeros(len(sizes), int(groups.max()) + 1)
    flat = owners * worth.shape[1] + groups
    worth.view(-1).scatter_reduce_(0, flat, scores, 'amax')
    rows, columns = linear_sum_assignment(-worth.numpy())
    given = dict(zip(rows.tolist(), columns.tolist()))
    picked, start = [], 0
    for target, (prompt, one) in enumerate(zip(prompts, found)):
        mine = groups[start : start + len(one.places)] == given.get(target, -1)
        start += len(one.places)
        part, query = one.places[int(mine.int().argmax())]  # best first; 0 if none
        device = prompt.found[part].logits.device
        picked.append(PickedQuery(part, tensor_on(device, [query])))
    return picked


class _Candidates(NamedTuple):
    """What a target may be, k of it, best first, in main memory.

    Attributes:
        boxes: (k, 4) xyxy in 0..1.
        scores: (k,).
        places: The part and the query of each.
    """

    boxes: Tensor
    scores: Tensor
    places: list[tuple[int, int]]


def _candidates(
    prompts: Sequence[TrackedPrompt], with_iou: bool, iou_threshold: float
) -> list[_Candidates]:
    """Those of each target, no two of one instance."""
    rows = [
        torch.cat([part.name_scores(with_iou)[:, :1], part.boxes_xyxy], 1)
        for prompt in prompts
        for part in prompt.found
    ]
    parts = iter(download(rows))
    found = []
    for prompt in prompts:
        sizes = [len(part.boxes_cxcywh) for part in prompt.found]
        scores, boxes = torch.cat([next(parts) for _ in sizes]).split([1, 4], 1)
        kept = _best_apart(boxes, scores[:, 0], iou_threshold)
        places = [(part, query) for part, n in enumerate(sizes) for query in range(n)]
        found.append(
            _Candidates(boxes[kept], scores[kept, 0], [places[i] for i in kept])
        )
    return found


def _best_apart(boxes: Tensor, scores: Tensor, iou_threshold: float) -> list[int]:
    """At most ``MOST_CANDIDATES`` indices, best first: NMS that stops there."""
    order = scores.argsort(descending=True, stable=True)
    boxes, free, kept = boxes[order], torch.ones(len(order), dtype=torch.bool), []
    for i, place in enumerate(order.tolist()):
        if len(kept) == MOST_CANDIDATES:
            break
        if free[i]:
            kept.append(place)
            free &= ~(pairwise_iou(boxes[i : i + 1], boxes)[0] > iou_threshold)
    return kept


def _groups(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """(N,) int64: the best box that each box overlaps, numbered from 0."""
    labels = torch.zeros(len(scores), dtype=torch.int64)
    heads = class_aware_nms(boxes, scores, labels, iou_threshold)
    return pairwise_iou(boxes, boxes[heads]).argmax(1)
